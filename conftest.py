# SPDX-License-Identifier: Apache-2.0
"""Lets pytest import the package that the build assembled, and sets how much hypothesis tries.

TORSH_BUILD_DIR names the build (default build/dev); an installed torshjit is used when the build
has no package. HYPOTHESIS_PROFILE picks the amount: dev (default), ci, conformance.
"""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

_ROOT = Path(__file__).parent
_BUILD = Path(os.environ.get("TORSH_BUILD_DIR", _ROOT / "build" / "dev"))
_PACKAGES = _BUILD / "python_packages"

if (_PACKAGES / "torshjit").is_dir():
    sys.path.insert(0, str(_PACKAGES))
    # Tests that start a fresh interpreter must meet the same package.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
# bench/ and demo/ are packages of the checkout and are tested too.
sys.path.insert(0, str(_ROOT))

# The machines that run the tests are shared, so a slow example is no sign of a fault.
_SHARED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=50, **_SHARED)
settings.register_profile("ci", max_examples=100, derandomize=True, **_SHARED)
settings.register_profile("conformance", max_examples=2000, **_SHARED)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") == "true" else "dev")
)
