from __future__ import annotations

import pytest

from benchmark.registry import SYSTEMS
from benchmark.runner.aliases import canonical


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("XFaVoT", "xfavot"),
        ("CAE", "cae"),
        ("StarGANv2", "starganv2"),
        ("StarGAN v2", "starganv2"),
        ("StarGANv2-VC", "starganv2_vc"),
        ("AdaIN-VC", "adain_vc"),
        ("AdaIN-CVC", "adain_cvc"),
        ("FragmentVC", "fragment_vc"),
        ("Fragment-VC", "fragment_vc"),
        ("SGSim", "sgsim"),
        ("Voice2Face", "voice2face"),
        ("Ground Truth", "ground_truth"),
        ("XFaVoT:joint", "xfavot:joint"),
        ("shuffled_reference:AdaIN-VC", "shuffled_reference:adain_vc"),
    ],
)
def test_the_papers_spellings_are_ours(written: str, ours: str) -> None:
    assert canonical(written) == ours
    assert canonical(ours) == ours


@pytest.mark.parametrize(
    "name",
    ["FaceVC", "AutoVC(speech)", "AdaIN-VC (Griffin-Lim)", "StarGANv2-VC+", "XFaVoT*", "XFaVoT 2", "my: XFaVoT2"],
)
def test_other_names_stay_as_they_are(name: str) -> None:
    assert canonical(name) == name


def test_no_registered_system_is_renamed() -> None:
    assert {name: canonical(name) for name in SYSTEMS} == {name: name for name in SYSTEMS}
