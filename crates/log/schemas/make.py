"""Makes the descriptors that a log's schemas consist of: of Foxglove's messages, from its own SDK, and of ours.

    python make.py

needs foxglove-sdk and grpcio-tools.
"""

from pathlib import Path

import foxglove.messages
from grpc_tools import protoc

FOLDER = Path(__file__).parent
NAMES = ["FrameTransforms", "Log", "PointCloud"]

for name in NAMES:
    (FOLDER / f"foxglove.{name}.bin").write_bytes(getattr(foxglove.messages, name).get_schema().data)
out = FOLDER / "parapolicy.bin"
assert protoc.main(["protoc", f"--proto_path={FOLDER}", f"--descriptor_set_out={out}", "parapolicy.proto"]) == 0
