"""Who was judged, as JSON lines: `record` says what a line holds, `log` writes it, and nobody waits for that."""
