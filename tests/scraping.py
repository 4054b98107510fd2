"""What /metrics of a service says."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(url: str) -> Samples:
    """Sample name and labels → value, as a fresh connection to any of the processes tells it."""
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """One sample; 0.0 where there is none."""
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)
