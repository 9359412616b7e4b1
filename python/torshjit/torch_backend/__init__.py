# SPDX-License-Identifier: Apache-2.0
"""``torch.compile(model, backend="torshjit")``.

The name is found through the entry point group ``torch_dynamo_backends``: nothing of this package
need be imported. `torshjit_backend` may also be passed itself.
"""

from torshjit.torch_backend.backend import DynamoBackend, torshjit_backend

__all__ = ["DynamoBackend", "torshjit_backend"]
