"""Types that many modules name."""

from typing import Any

Json = dict[str, Any]  # plain values by name, as JSON has them
