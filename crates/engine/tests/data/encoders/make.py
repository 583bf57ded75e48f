"""Writes the encoders of the engine's tests, and what ONNX Runtime says they must answer.

    python make.py

needs what models/export/requirements.txt lists. Weights are random; the networks are narrow ResNets (He et al. 2015,
arXiv 1512.03385) of torchvision's own blocks, with the heads that policies have. `expected.npz` has frames and ONNX
Runtime's features, by the graph's name.
"""

import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[4] / "models"))

from export import encoder as exported  # noqa: E402
from export.encoder import Encoder, ImageEncoder, Keypoints, Looks, Resize  # noqa: E402
from export.graph import fast_form  # noqa: E402
from export.rigid import RigidKeypoints  # noqa: E402
from export.rigid import encoder as rigid_encoder  # noqa: E402

SEEN, FEATURES = "observation", "features"
BATCH = 2


def narrow(block: type[nn.Module], widths: tuple[int, ...], group: int | None) -> nn.Module:
    """A ResNet without its head, of one block a stage, with normalisation of `group` channels each, or of batches."""
    first = widths[0]

    def norm(channels: int) -> nn.Module:
        return nn.GroupNorm(channels // group, channels) if group else nn.BatchNorm2d(channels)

    layers = [nn.Conv2d(3, first, 7, 2, 3, bias=False), norm(first), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    channels = first
    for stage, width in enumerate(widths):
        stride, out = 1 if stage == 0 else 2, width * block.expansion
        same = stride == 1 and channels == out
        shortcut = None if same else nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), norm(out))
        layers.append(block(channels, width, stride, shortcut, norm_layer=norm))
        channels = out
    return nn.Sequential(*layers)


def eye(net: nn.Module, looks: Looks, keypoints: int | None) -> ImageEncoder:
    """An encoder of one camera's images, of this network instead of a wide one."""
    with torch.no_grad():
        shape = net.eval()(torch.zeros(1, 3, *looks.seen)).shape[1:]
    exported.resnet = lambda backbone, group_norm: net
    exported.features_shape = lambda backbone, size: tuple(shape)
    found = ImageEncoder("resnet18", False, looks, keypoints)
    if keypoints:
        down, across = (torch.linspace(-1, 1, side) for side in shape[1:])
        found.pool.pos_grid = torch.stack(torch.meshgrid(across, down, indexing="xy"), dim=-1).reshape(-1, 2)
    return found


class TwoSizes(nn.Module):
    """Two cameras of different sizes: channels first and pixels 0 to 1 of the one, the other as cameras give them."""

    def __init__(self, fine: nn.Module, coarse: nn.Module):
        super().__init__()
        self.fine, self.coarse, self.size, self.length = fine, coarse, ((36, 40), (24, 24)), 4
        self.resize = Resize((24, 24), (32, 28), True)
        self.pool = Keypoints(32, (2, 2), 3)
        self.pool.pos_grid = torch.randn(4, 2)
        self.dim = 3 * 36 * 40 + 3 * 24 * 24 + self.length

    def forward(self, observation: Tensor) -> Tensor:
        steps = observation.shape[1]
        pixels = 3 * 36 * 40
        first = observation[..., :pixels].reshape(-1, 3, 36, 40)
        second = observation[..., pixels : self.dim - self.length].reshape(-1, 24, 24, 3).permute(0, 3, 1, 2)
        seen = nn.functional.adaptive_avg_pool2d(self.fine(first[:, :, 2:34, 4:36]), 1).flatten(1)
        found = self.pool(self.coarse(self.resize(second / 255 - 0.5)))
        parts = (seen.reshape(-1, steps, 32), observation[..., self.dim - self.length :], found.reshape(-1, steps, 6))
        return torch.cat(parts, dim=-1)


def write(name: str, net: nn.Module, steps: int, dim: int, images: int, *, traced: int = 0, fast: bool = True) -> dict:
    """Exports an encoder, by tracing and in the given opset if there is one. Returns frames and their features."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics of no training would hide what becomes of them
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
        if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            nn.init.normal_(module.weight, 0.9, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
    net = fast_form(net.eval()) if fast else net.eval()
    seen = torch.rand(BATCH, steps, dim) * 2 - 1
    seen[..., :images] = torch.randint(0, 256, (BATCH, steps, images)).float()
    path = HERE / f"{name}.onnx"
    common = {"input_names": [SEEN], "output_names": [FEATURES], "verbose": False}
    if traced:
        axes = {each: {0: "batch"} for each in (SEEN, FEATURES)}
        torch.onnx.export(net, (seen,), path, dynamo=False, opset_version=traced, dynamic_axes=axes, **common)
    else:
        shapes = ({0: torch.export.Dim("batch")},)
        model = torch.onnx.export(net, (seen,), opset_version=18, dynamic_shapes=shapes, **common).model_proto
        for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
        model.graph.ClearField("value_info")
        onnx.save(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    [features] = session.run([FEATURES], {SEEN: seen.numpy()})
    with torch.no_grad():
        print(f"{name}: {path.stat().st_size >> 10} KiB, {np.abs(features - net(seen).numpy()).max():.1e} from PyTorch")
    return {f"{name}_{SEEN}": seen.numpy().astype(np.float32), f"{name}_{FEATURES}": features}


def main() -> None:
    torch.manual_seed(0)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    imagenet = (torch.tensor([[4.4, 4.5, 4.4]]), torch.tensor([[-2.1, -2.0, -1.8]]))
    two = tuple(each.repeat(2, 1) for each in imagenet)
    # Diffusion Policy's: one for each camera, group normalisation, a mean; resized, then cropped.
    looks = Looks((30, 40), (33, 36), (32, 32))
    eyes = [eye(narrow(BasicBlock, (8, 8, 16, 16), 4), looks, None) for _ in range(2)]
    grouped = Encoder(0, 3, eyes, *two)
    # LeRobot's: one for all cameras, batch normalisation, keypoints.
    looks = Looks((32, 32), None, (28, 28))
    shared = Encoder(2, 1, [eye(narrow(BasicBlock, (8, 16, 24, 32), None), looks, 5)], *two)
    looks = Looks((24, 32), None, None)
    deep = Encoder(0, 0, [eye(narrow(Bottleneck, (8, 8, 16, 16), None), looks, None)], *imagenet)
    plain = Encoder(0, 2, [eye(narrow(BasicBlock, (12, 12, 24, 24), 6), looks, 4)], *imagenet)
    sizes = TwoSizes(narrow(BasicBlock, (8, 8, 16, 32), 8), narrow(BasicBlock, (8, 16, 32), None))
    body = torch.randn(4, 2) * 40
    low, high = torch.full((8,), 0.0), torch.full((8,), 512.0)
    rigid = rigid_encoder(RigidKeypoints((32, 32), (512.0, 512.0), body, low, high, (8, 16, 16)), after=2)
    pixels = {"grouped": 2 * 3 * 30 * 40, "shared": 2 * 3 * 32 * 32, "deep": 3 * 24 * 32}
    arrays = {
        **write("grouped", grouped, 2, pixels["grouped"] + 3, pixels["grouped"]),
        **write("shared", shared, 2, 2 + pixels["shared"] + 1, 2 + pixels["shared"]),
        **write("deep", deep, 1, pixels["deep"], pixels["deep"], traced=17),
        **write("plain", plain, 3, pixels["deep"] + 2, pixels["deep"], fast=False),
        **write("sizes", sizes, 2, sizes.dim, sizes.dim - 4, traced=13),
        **write("rigid", rigid, 2, 3 * 32 * 32 + 2, 3 * 32 * 32),
    }
    np.savez_compressed(HERE / "expected.npz", **arrays)


if __name__ == "__main__":
    main()
