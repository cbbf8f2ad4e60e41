"""The metrics of the suite, and families of them whose members are named by an argument."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.registry.entry import FACES_OUT, VOICE, VOICES_OUT, Entry

_LIKENESS = {
    "cos_target@pocket": ("image_guided_translation", "face_from_voice"),
    "cos_input@pocket": ("face_from_voice",),
    "cos_random@pocket": ("face_from_voice",),
}
_TOP = (1, 5, 10)


def _keyed(target: str, tasks: tuple[str, ...], summaries: Mapping[str, str], version: int = 1) -> dict[str, Entry]:
    """Metrics made by one class, each of which is called by its own key."""
    return {key: Entry(target, what, tasks=tasks, arguments=(key,), version=version) for key, what in summaries.items()}


PROTOCOLS: Mapping[str, Entry] = {
    "spksim@resemblyzer": Entry(
        "protocols.spksim:SpkSim", "cosine of Resemblyzer voice embeddings, higher is better", tasks=VOICE
    ),
    **{
        f"nisqa@{file}": Entry(
            "protocols.nisqa:Nisqa", f"{what}, higher is better", tasks=VOICES_OUT, arguments=(file,)
        )
        for file, what in (
            ("nisqa.tar", "predicted MOS of transmitted speech"),
            ("nisqa_tts.tar", "predicted naturalness of synthetic speech"),
            ("nisqa_mos_only.tar", "predicted MOS, the single-headed network"),
        )
    },
    **_keyed(
        "protocols.f0:F0",
        VOICE,
        {
            "f0_corr@world": "correlation of log F0 with the source's over time, higher is better",
            "f0_target@world": "semitones between the mean F0 of output and target, lower is better",
        },
    ),
    "wer@espnet:pocket:en1": Entry(
        "protocols.wer:Wer",
        "word error rate by the embedded corpus's recogniser, lower is better",
        tasks=VOICES_OUT,
        arguments=("pocket",),
    ),
    **{
        key: Entry(
            "protocols.pictures:Pictures",
            what,
            tasks=_LIKENESS.get(key, FACES_OUT),
            arguments=(key,),
        )
        for key, what in (
            ("fid@pocket", "Frechet distance of the embedded judge's features, lower is better"),
            ("kid@pocket", "kernel distance of the embedded judge's features, lower is better"),
            ("fid@random", "Frechet distance of a fixed random network's features, lower is better"),
            ("lpips@pocket", "diversity of a source's outputs by the embedded judge's maps, higher is better"),
            ("gender_flip@pocket", "share of outputs of the target's gender by the embedded judge, higher is better"),
            ("pose_error@pocket", "degrees between the poses of output and source, lower is better"),
            ("cos_target@pocket", "likeness of output and target by the embedded judge, higher is better"),
            ("cos_input@pocket", "likeness of output and source by the embedded judge, to be read beside cos_target"),
            ("cos_random@pocket", "likeness of output and somebody else of the target's gender: what chance gives"),
            ("fid@starganv2", "FID as clovaai/stargan-v2 computes it, lower is better"),
            ("fid@inception-2015", "FID as pytorch-fid computes it, lower is better"),
            ("kid@inception-2015", "kernel distance of the same features, for small sets, lower is better"),
            ("lpips@alex", "LPIPS diversity of a source's outputs, mean of batch means, higher is better"),
            ("lpips@alex:per_source", "LPIPS diversity of a source's outputs, mean over sources, higher is better"),
        )
    },
    **_keyed(
        "protocols.likeness:Likeness",
        ("face_from_voice",),
        {
            "cos_target@pocket:centred": "cos_target less its mean over third people of that gender, higher is better",
            "cos_input@pocket:centred": "cos_input less its mean over third people of the source's gender",
            "cos_random@pocket:centred": "cos_random less its mean over third people of that gender: about 0",
            **{f"retrieval_top{k}@pocket": f"share of targets among the first {k}, higher is better" for k in _TOP},
            "retrieval_top5@pocket:source": "share of proposals' people among the first 5: what is kept of them",
        },
    ),
    **_keyed(
        "protocols.mapping:Mapped",
        ("face_from_voice",),
        {
            "mapping@pocket": "share of voices given to the output, not to another of that gender, higher is better",
            "mapping@pocket:pairs": "share of two voices given to their two outputs, higher is better",
        },
    ),
    **_keyed(
        "protocols.cpr:Cpr",
        ("image_guided_vc", "audio_guided_translation"),
        {
            "cpr@any": "share of voices given to the right one of two faces of anybody, higher is better",
            "cpr@same_gender": "share of voices given to the right one of two faces of a gender, higher is better",
        },
        version=2,  # 1 had one judge
    ),
    **_keyed(
        "protocols.own:Own",
        ("face_from_voice",),
        {
            "cos_target@own": "likeness of output and target, higher is better, by a system's own network",
            "cos_input@own": "likeness of output and source by a system's own network",
            "cos_random@own": "likeness of output and somebody else of the target's gender by a system's own network",
            **{
                f"retrieval_top{k}@own": f"share of targets among the first {k}, higher is better, by a system's own "
                "network"
                for k in _TOP
            },
            "retrieval_top5@own:source": "share of proposals' people among the first 5 by a system's own network",
        },
    ),
}

FAMILIES: Mapping[str, Entry] = {
    "wer@espnet:": Entry(
        "protocols.wer:Wer", "word error rate by any ESPnet recogniser: a published name or a path", tasks=VOICES_OUT
    )
}
"""Metrics of which there is one for everything that may follow a prefix; what follows is the protocol's argument."""
