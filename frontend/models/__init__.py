"""The versions of the anti-spoof model in Triton's repository, and what a file must be to become one."""
