"""The network against PyTorch's own 1-D layers, and its export form against itself."""

import torch
from torch import nn
from torch.nn import functional

from export.graph import FastGroupNorm, FastMish, fast_form
from export.unet import ConditionalUnet, StepEmbedding, conv


def test_shape_and_size() -> None:
    net = ConditionalUnet(action=2, condition=40)
    prediction = net(torch.randn(3, 16, 2), torch.tensor([0, 50, 99]), torch.randn(3, 2, 20))
    assert prediction.shape == (3, 16, 2)
    assert sum(parameter.numel() for parameter in net.parameters()) == 4_559_554


def test_a_convolution_of_height_one_is_the_one_dimensional_one() -> None:
    for kernel, stride in ((5, 1), (3, 2), (1, 1)):
        flat = nn.Conv1d(6, 4, kernel, stride, kernel // 2)
        tall = conv(6, 4, kernel, stride)
        tall.load_state_dict(
            {name: value.reshape(getattr(tall, name).shape) for name, value in flat.state_dict().items()}
        )
        x = torch.randn(3, 6, 16)
        torch.testing.assert_close(tall(x[:, :, None, :]).squeeze(2), flat(x))


class OneDimensional(nn.Module):
    """A layer of the network, computed by the 1-D function of the same name on the same weights."""

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d):
        super().__init__()
        self.layer = layer
        self.function = functional.conv1d if isinstance(layer, nn.Conv2d) else functional.conv_transpose1d

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight, stride, padding = self.layer.weight.squeeze(2), self.layer.stride[1], self.layer.padding[1]
        return self.function(x.squeeze(2), weight, self.layer.bias, stride, padding).unsqueeze(2)


def test_the_network_is_the_one_dimensional_one() -> None:
    net = ConditionalUnet(action=2, condition=40).eval()
    inputs = torch.randn(3, 16, 2), torch.tensor([0, 50, 99]), torch.randn(3, 2, 20)
    expected = net(*inputs)
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d | nn.ConvTranspose2d):
                setattr(parent, name, OneDimensional(child))
    torch.testing.assert_close(net(*inputs), expected)


def test_step_embedding_is_sines_then_cosines() -> None:
    embedded = StepEmbedding(4)(torch.tensor([0, 3]))
    rates = torch.tensor([1.0, 1e-4])
    expected = torch.stack([torch.cat(((t * rates).sin(), (t * rates).cos())) for t in (0, 3)])
    torch.testing.assert_close(embedded, expected)


def test_fast_mish_is_mish() -> None:
    x = torch.cat((torch.linspace(-30, 30, 601), torch.tensor([-1e4, -200.0, 200.0, 1e4])))
    torch.testing.assert_close(FastMish()(x), functional.mish(x), rtol=1e-5, atol=1e-5)


def test_fast_group_norm_is_group_norm() -> None:
    norm = nn.GroupNorm(4, 12)
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    for height in (1, 3):
        x = 3 + 2 * torch.randn(5, 12, height, 8)
        torch.testing.assert_close(FastGroupNorm(norm)(x), norm(x))


def test_the_fast_form_predicts_the_same_and_leaves_the_network_alone() -> None:
    net = ConditionalUnet(action=2, condition=40).eval()
    inputs = torch.randn(3, 16, 2), torch.tensor([0, 50, 99]), torch.randn(3, 2, 20)
    fast = fast_form(net)
    torch.testing.assert_close(fast(*inputs), net(*inputs), rtol=1e-4, atol=1e-5)
    assert not any(isinstance(module, nn.Mish | nn.GroupNorm) for module in fast.modules())
    assert any(isinstance(module, nn.GroupNorm) for module in net.modules())
