"""Names -> code, imported only when asked for (no torch here).

Third parties add entries through the entry-point groups `benchmark.systems`, `benchmark.corpora` and
`benchmark.protocols`; theirs are listed by name and read when they are used.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from typing import Any, Literal

from benchmark.errors import BenchmarkError, unknown

Group = Literal["systems", "corpora", "protocols", "upstream", "vocoders"]
Kind = Literal["method", "baseline", "control", "plug-in"]
_SINGULAR = {
    "systems": "system",
    "corpora": "corpus",
    "protocols": "metric",
    "upstream": "network",
    "vocoders": "vocoder",
}
PREFIXES = ("shuffled_reference", "gender_only")
_VOICE = ("image_guided_vc", "audio_guided_vc")
_FACE = ("image_guided_translation", "latent_guided_translation")
_VOICES_OUT = (*_VOICE, "latent_guided_vc")
_FACES_OUT = (*_FACE, "audio_guided_translation", "face_from_voice")
_LIKENESS = {
    "cos_target@pocket": ("image_guided_translation", "face_from_voice"),
    "cos_input@pocket": ("face_from_voice",),
    "cos_random@pocket": ("face_from_voice",),
}
_TOP = (1, 5, 10)


@dataclass(frozen=True)
class Entry:
    """Where a name leads: `target` is "module:attribute"; `arguments` are given to it first. tasks: those that a system
    does or a metric judges; of a plug-in none are known."""

    target: str
    summary: str
    kind: Kind = "plug-in"
    tasks: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()

    def load(self) -> Any:
        """Import the target.

        Raises:
            BenchmarkError: the module or attribute cannot be imported (a broken plug-in, say).
        """
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise BenchmarkError(f"Cannot load {self.target}: {error}. Reinstall the package it belongs to.") from error


SYSTEMS: Mapping[str, Entry] = {
    "cae": Entry(
        "methods.cae.system:CAE",
        "a proposal face as its speaker's: a voice gates the decoder of a U-net (Liang et al. 2021)",
        "method",
        ("face_from_voice", "audio_guided_translation"),
        variants=("ungated",),
    ),
    "xfavot": Entry(
        "methods.xfavot.system:XFaVoT",
        "one model for faces and voices, in the style of either or of a latent code (arXiv 2302.13838)",
        "method",
        (
            "image_guided_translation",
            "audio_guided_translation",
            "latent_guided_translation",
            "image_guided_vc",
            "audio_guided_vc",
            "latent_guided_vc",
        ),
        variants=("joint", "joint_csc", "no_csc"),
    ),
    "starganv2": Entry(
        "baselines.starganv2.system:StarGANv2",
        "translation between genders, style of a face or drawn",
        "baseline",
        ("image_guided_translation", "latent_guided_translation"),
        variants=("official",),
    ),
    "adain_vc": Entry(
        "baselines.adain_vc.system:AdainVC",
        "one-shot VC: instance-normalised content, AdaIN speaker",
        "baseline",
        ("audio_guided_vc",),
        variants=("official",),
    ),
    "fragment_vc": Entry(
        "baselines.fragment_vc.system:FragmentVC",
        "one-shot VC: content features of the source attend to the reference's mel",
        "baseline",
        ("audio_guided_vc",),
        variants=("official",),
    ),
    "starganv2_vc": Entry(
        "baselines.starganv2_vc.system:StarGANv2VC",
        "VC between speakers, or genders (one_shot), style of a recording",
        "baseline",
        ("audio_guided_vc",),
        variants=("one_shot",),
    ),
    "adain_cvc": Entry(
        "baselines.adain_cvc.system:AdainCVC",
        "AdaIN-VC with a face encoder for the speaker encoder",
        "baseline",
        ("image_guided_vc",),
    ),
    "world_vc": Entry(
        "baselines.world_vc:WorldVC",
        "F0 and formant warp by the reference's statistics, no training",
        "control",
        ("audio_guided_vc",),
    ),
    "voice2face": Entry(
        "baselines.voice2face.system:Voice2Face",
        "a face from a voice alone: a GAN on a frozen voice embedding (Wen et al. 2019)",
        "baseline",
        ("face_from_voice",),
        variants=("published",),
    ),
    "mean_face": Entry("baselines.mean_faces:MeanFace", "the mean training picture", "control", ("face_from_voice",)),
    "gender_mean_face": Entry(
        "baselines.mean_faces:GenderMeanFace", "the mean of the target's gender", "control", ("face_from_voice",)
    ),
    "ground_truth": Entry(
        "baselines.controls:GroundTruth",
        "another recording or picture of the target: the ceiling",
        "control",
        (*_VOICE, *_FACES_OUT),
    ),
    "vocoded_ground_truth": Entry(
        "baselines.controls:VocodedGroundTruth",
        "ground_truth through the vocoder: a mel system's ceiling",
        "control",
        _VOICE,
    ),
    "copy_source": Entry("baselines.controls:CopySource", "emits the source", "control", (*_VOICE, *_FACES_OUT)),
    "vocoded_copy_source": Entry(
        "baselines.controls:VocodedCopySource",
        "copy_source through the vocoder: a mel system's floor",
        "control",
        _VOICE,
    ),
    "copy_reference": Entry(
        "baselines.controls:CopyReference",
        "emits the reference",
        "control",
        ("audio_guided_vc", "image_guided_translation"),
    ),
    "random_reference": Entry(
        "baselines.controls:RandomReference",
        "a recording or picture of another identity of the target's gender",
        "control",
        (*_VOICE, *_FACES_OUT),
    ),
}

CORPORA: Mapping[str, Entry] = {
    "pocket_av": Entry("benchmark.corpora.pocket.corpus:PocketCorpus", "embedded: faces with voices (GRID's part)"),
    "pocket_av_many": Entry(
        "benchmark.corpora.pocket.corpus:PocketCorpus", "embedded: many identities (VoxCeleb-VGGFace's part)"
    ),
    "pocket_faces": Entry("benchmark.corpora.pocket.corpus:PocketCorpus", "embedded: faces alone (CelebA-HQ's part)"),
    "pocket_voices": Entry("benchmark.corpora.pocket.corpus:PocketCorpus", "embedded: voices alone (VCTK's part)"),
    "pocket_upstream": Entry(
        "benchmark.corpora.pocket.corpus:PocketCorpus", "embedded: trains networks used inside training losses"
    ),
    "pocket_judges": Entry(
        "benchmark.corpora.pocket.corpus:PocketCorpus", "embedded: trains networks used inside metrics"
    ),
    "pocket_upstream_pairs": Entry(
        "benchmark.corpora.pocket.corpus:PocketCorpus",
        "embedded: many people, trains networks of voices and faces",
    ),
    "pocket_judge_pairs": Entry(
        "benchmark.corpora.pocket.corpus:PocketCorpus", "embedded: many people, trains judges of voices and faces"
    ),
    "pocket_judge_faces": Entry(
        "benchmark.corpora.pocket.corpus:PocketCorpus", "embedded: faces alone, trains networks inside metrics of faces"
    ),
    "grid": Entry("benchmark.corpora.grid:GridCorpus", "GRID: mpg clips with sound, 33 speakers (needs =FOLDER)"),
    "vctk": Entry("benchmark.corpora.vctk:VctkCorpus", "VCTK 0.92 or 0.80: voices, 110 speakers (needs =FOLDER)"),
    "lrs3": Entry("benchmark.corpora.lrs3:Lrs3Corpus", "LRS3: sentences of TED talks, 16 videos (needs =FOLDER)"),
    "lip2wav": Entry(
        "benchmark.corpora.lip2wav:Lip2WavCorpus", "Lip2Wav: pieces of 4 lecturers' videos (needs =FOLDER)"
    ),
    "celeba_hq": Entry("benchmark.corpora.celeba_hq:CelebaHqCorpus", "CelebA-HQ: aligned faces (needs =FOLDER)"),
    "voxceleb_vggface": Entry(
        "benchmark.corpora.voxceleb_vggface:VoxcelebVggfaceCorpus",
        "VoxCeleb1's voices and VGGFace's pictures of the same people (needs =FOLDER)",
    ),
    "folder": Entry("benchmark.corpora.folder:FolderCorpus", "your own voices, pictures, clips (needs =FOLDER)"),
}
ALIASES = {"pocket": "pocket_av"}

PROTOCOLS: Mapping[str, Entry] = {
    "spksim@resemblyzer": Entry(
        "protocols.spksim:SpkSim", "cosine of Resemblyzer voice embeddings, higher is better", tasks=_VOICE
    ),
    **{
        f"nisqa@{file}": Entry(
            "protocols.nisqa:Nisqa", f"{what}, higher is better", tasks=_VOICES_OUT, arguments=(file,)
        )
        for file, what in (
            ("nisqa.tar", "predicted MOS of transmitted speech"),
            ("nisqa_tts.tar", "predicted naturalness of synthetic speech"),
            ("nisqa_mos_only.tar", "predicted MOS, the single-headed network"),
        )
    },
    "f0_corr@world": Entry(
        "protocols.f0:F0",
        "correlation of log F0 with the source's over time, higher is better",
        tasks=_VOICE,
        arguments=("f0_corr@world",),
    ),
    "f0_target@world": Entry(
        "protocols.f0:F0",
        "semitones between the mean F0 of output and target, lower is better",
        tasks=_VOICE,
        arguments=("f0_target@world",),
    ),
    "wer@espnet:pocket:en1": Entry(
        "protocols.wer:Wer",
        "word error rate by the embedded corpus's recogniser, lower is better",
        tasks=_VOICES_OUT,
        arguments=("pocket",),
    ),
    **{
        key: Entry(
            "protocols.pictures:Pictures",
            what,
            tasks=_LIKENESS.get(key, _FACES_OUT),
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
    **{
        key: Entry("protocols.likeness:Likeness", what, tasks=("face_from_voice",), arguments=(key,))
        for key, what in (
            (
                "cos_target@pocket:centred",
                "cos_target less its mean over third people of that gender, higher is better",
            ),
            ("cos_input@pocket:centred", "cos_input less its mean over third people of the source's gender"),
            ("cos_random@pocket:centred", "cos_random less its mean over third people of that gender: about 0"),
            *((f"retrieval_top{k}@pocket", f"share of targets among the first {k}, higher is better") for k in _TOP),
        )
    },
    **{
        key: Entry("protocols.mapping:Mapped", what, tasks=("face_from_voice",), arguments=(key,))
        for key, what in (
            ("mapping@pocket", "share of voices given to the output, not to another of that gender, higher is better"),
            ("mapping@pocket:pairs", "share of two voices given to their two outputs, higher is better"),
        )
    },
    **{
        key: Entry(
            "protocols.cpr:Cpr", what, tasks=("image_guided_vc", "audio_guided_translation"), arguments=(key,)
        )
        for key, what in (
            ("cpr@any", "share of voices given to the right one of two faces of anybody, higher is better"),
            ("cpr@same_gender", "share of voices given to the right one of two faces of a gender, higher is better"),
        )
    },
    **{
        key: Entry(
            "protocols.own:Own", f"{what} by a system's own network", tasks=("face_from_voice",), arguments=(key,)
        )
        for key, what in (
            ("cos_target@own", "likeness of output and target, higher is better,"),
            ("cos_input@own", "likeness of output and source"),
            ("cos_random@own", "likeness of output and somebody else of the target's gender"),
            *((f"retrieval_top{k}@own", f"share of targets among the first {k}, higher is better,") for k in _TOP),
        )
    },
}
FAMILIES: Mapping[str, Entry] = {
    "wer@espnet:": Entry(
        "protocols.wer:Wer", "word error rate by any ESPnet recogniser: a published name or a path", tasks=_VOICES_OUT
    )
}
"""Metrics of which there is one for everything that may follow a prefix; what follows is the protocol's argument."""
_members: dict[str, Entry] = {}
"""Canonical key -> entry, of members of a family that were asked for: the key of a model at a path says which model it
was, and does not lead back to the path."""

VOCODERS: Mapping[str, Entry] = {
    "griffin_lim": Entry("benchmark.media.vocoder:GriffinLim", "mel80 through phase reconstruction, nothing learnt"),
    "griffin_lim_512": Entry("benchmark.media.vocoder:GriffinLim512", "mel512, as AdaIN-VC inverts it"),
    "griffin_lim_326": Entry("benchmark.media.vocoder:GriffinLim326", "mel326 of Fragment-VC, nothing learnt"),
    "parallel_wavegan:pocket": Entry(
        "benchmark.upstream.parallel_wavegan.vocoder:PocketVocoder",
        "mel80: learnt magnitudes, Griffin-Lim, corrected by Parallel WaveGAN's generator; embedded voices, shipped",
    ),
    "parallel_wavegan:starganv2_vc": Entry(
        "benchmark.upstream.parallel_wavegan.vocoder:PublishedVocoder", "mel80, StarGANv2-VC's own published weights"
    ),
}
"""Vocoders by the name that stands in every row; an entry is called without arguments and gives a `Vocoder`."""

UPSTREAM: Mapping[str, Entry] = {
    "recogniser": Entry(
        "benchmark.upstream.recogniser.recipe:RECIPE", "joint CTC/attention recogniser of pocket_judges, for the WER"
    ),
    "face_judge": Entry("benchmark.upstream.face_judge.recipe:RECIPE", "gender, pose, identity, features of pictures"),
    "jdc": Entry("benchmark.upstream.jdc.recipe:RECIPE", "F0 and voicing from the mel, for StarGANv2-VC and XFaVoT"),
    "asr_features": Entry("benchmark.upstream.asr_features.recipe:RECIPE", "what is said, as features of the mel"),
    "parallel_wavegan": Entry("benchmark.upstream.parallel_wavegan.recipe:RECIPE", "vocoder of the mel"),
    "voice_embedding": Entry("benchmark.upstream.voice_embedding.recipe:RECIPE", "whose voice it is, for CAE"),
    "matcher": Entry("benchmark.upstream.matcher.recipe:RECIPE", "which face belongs to a voice, for metrics"),
}
"""Networks that the suite ships, each with the recipe that makes it."""


@cache
def entries(group: Group) -> Mapping[str, Entry]:
    """Our entries and the plug-ins of one group; a plug-in never replaces one of ours."""
    ours = {
        "systems": SYSTEMS,
        "corpora": CORPORA,
        "protocols": PROTOCOLS,
        "upstream": UPSTREAM,
        "vocoders": VOCODERS,
    }[group]
    plugins = {
        point.name: Entry(point.value, f"plug-in of {point.dist.name if point.dist else point.module}")
        for point in metadata.entry_points(group=f"benchmark.{group}")
    }
    return {**plugins, **ours}


def find(group: Group, name: str) -> Entry:
    """The entry of that name.

    Raises:
        BenchmarkError: unknown name, with suggestions.
    """
    known = entries(group)
    if name not in known:
        if group == "protocols" and name in _members:
            return _members[name]
        for prefix, entry in FAMILIES.items() if group == "protocols" else ():
            if name.startswith(prefix) and name != prefix:
                return replace(entry, arguments=(name.removeprefix(prefix),))
        raise unknown(_SINGULAR[group], name, known)
    return known[name]


def canonical(metric: str) -> str:
    """The key that results carry for a metric asked for by `metric`: a family's members go by several names.

    Loads code only for a member of a family. `find` takes both names from then on.

    Raises:
        BenchmarkError: unknown metric, or whatever the protocol says of its argument.
    """
    entry = find("protocols", metric)
    if metric in entries("protocols"):
        return metric
    (key,) = entry.load()(*entry.arguments).metrics
    _members[key] = entry
    return str(key)


@dataclass(frozen=True)
class SystemName:
    """A system's name taken apart: `shuffled_reference:adain_vc:official` = (prefix, base, variant)."""

    prefix: str | None
    base: str
    variant: str | None

    @property
    def full(self) -> str:
        return ":".join(part for part in (self.prefix, self.base, self.variant) if part)

    @property
    def network(self) -> str:
        """The name of the trained network behind it: a shuffled reference is no network of its own."""
        prefix = None if self.prefix == "shuffled_reference" else self.prefix
        return SystemName(prefix, self.base, self.variant).full


def parse_system(name: str) -> SystemName:
    """Take a system's name apart and check every part.

    Raises:
        BenchmarkError: unknown system or variant, with suggestions.
    """
    parts = name.split(":")
    prefix = parts.pop(0) if parts[0] in PREFIXES and len(parts) > 1 else None
    base, variant = parts[0], ":".join(parts[1:]) or None
    entry = find("systems", base)
    if variant is not None and entry.kind != "plug-in" and variant not in entry.variants:
        raise unknown(f"variant of {base}", variant, entry.variants or ("(it has none)",))
    return SystemName(prefix, base, variant)
