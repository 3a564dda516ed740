"""Make the scripts and their packages importable, as Python does when it runs a script."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
