# SPDX-License-Identifier: Apache-2.0
"""torch's own operator database (`OpInfo`), run compiled and compared with torch eager."""
