"""Our networks by the official code's names."""

from __future__ import annotations

import torch

from baselines.starganv2_vc.official import official_tensors
from benchmark.blocks import MappingNetwork
from benchmark.stargan.voices import Critic, Discriminator, Generator, StyleEncoder


def test_names_are_those_of_the_official_code() -> None:
    """A few of each network, by hand from models.py, and how many its state_dict has at 20 speakers."""
    with torch.device("meta"):
        generator, mapping = official_tensors(Generator()), official_tensors(MappingNetwork(domains=20))
        encoder, discriminator = official_tensors(StyleEncoder(20)), official_tensors(Discriminator(20))
    shapes = {
        name: tuple(tensor.shape)
        for net in (generator, mapping, encoder, discriminator)
        for name, tensor in net.items()
    }
    assert {
        "stem.weight": (64, 1, 3, 3),
        "encode.0.conv1x1.weight": (128, 64, 1, 1),
        "encode.5.norm2.bias": (512,),
        "decode.0.norm1.fc.weight": (1280, 64),
        "decode.2.conv1.weight": (512, 640, 3, 3),
        "decode.6.conv2.bias": (64,),
        "F0_conv.0.conv2.weight": (128, 256, 3, 3),
        "to_out.0.weight": (64,),
        "to_out.2.weight": (1, 64, 1, 1),
        "unshared.19.6.weight": (64, 512),
        "unshared.19.bias": (64,),
        "shared.6.weight": (512, 512, 5, 5),  # of the style encoder; the mapping network's is linear
        "dis.main.6.weight": (512, 512, 5, 5),
        "cls.main.9.weight": (20, 512, 1, 1),
    }.items() <= shapes.items()
    assert [len(net) for net in (generator, mapping, encoder, discriminator)] == [126, 168, 63, 50]


def test_writing_to_a_view_sets_the_weight() -> None:
    critic, mapping = Discriminator(3, 2, 4), MappingNetwork(3, 4, 2, hidden=5)
    official_tensors(critic)["cls.main.9.weight"].data[1] = 7
    assert isinstance(critic.source, Critic)
    assert (critic.source.own.weight[1] == 7).all()
    assert (critic.source.own.weight[0] != 7).all()
    official_tensors(mapping)["unshared.1.6.bias"].data.fill_(8)
    assert (mapping.own[3].bias[1] == 8).all()  # type: ignore[union-attr, index]
