"""XFaVoT: one model gives a face or a voice the style of a face, of a voice or of a latent code (arXiv 2302.13838).

There is no official code; it is built on `clovaai/stargan-v2@875b70a` and `yl4579/StarGANv2-VC@985df55`. Where the
paper is silent a setting says which reading is taken (`methods.xfavot.settings`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.blocks import GenderStyle, MappingNetwork, he_init, seeded_latents
from benchmark.errors import BenchmarkError
from benchmark.media.image import resized
from benchmark.stargan import images, voice_losses, voices
from benchmark.stargan import losses as image_losses
from benchmark.stargan.augment import at_some_level, augment
from benchmark.stargan.auxiliaries import auxiliaries
from benchmark.system import FACE, Batch, Column, Draw, Optimizer, Phase, Pick, Step, System, Terms
from benchmark.upstream.asr_features.load import asr_features
from benchmark.upstream.jdc.load import f0_network
from methods.xfavot import losses
from methods.xfavot.networks import GENDERS, judged
from methods.xfavot.objective import Encoder, draw_source
from methods.xfavot.settings import XFaVoTSettings

SPEAKERS = 128
"""Training speakers of the paper: 29 of GRID, 4 of Lip2Wav, 16 of LRS3, 79 of VCTK."""
IMAGE = ("image_generator", "image_style_encoder", "image_discriminator", "mapping_network")
AUDIO = ("audio_generator", "audio_style_encoder", "audio_discriminator", "classifier")
DISCRIMINATORS = ("image_discriminator", "audio_discriminator", "classifier")
GENERATORS = ("image_generator", "audio_generator")


@dataclass(frozen=True)
class Given:
    """What all phases of a pass see alike: the sources and where a style comes from.

    face (B, 3, size, size), mel (B, 1, 80, T), face_gender, gender, speaker (B,): of the sources. target_gender,
    target_speaker (B,): of the style's reference; no speaker is known of one who is only seen (None). styles: a pair of
    styles (B, style) of one domain each.
    """

    face: Tensor
    mel: Tensor
    face_gender: Tensor
    gender: Tensor
    speaker: Tensor
    target_gender: Tensor
    target_speaker: Tensor | None
    styles: tuple[Tensor, Tensor]


class XFaVoT(System):
    """Any of the four tasks, and the two that are guided by a latent code, from one set of weights.

    Every step has three passes, by the mapping network's styles, by those of faces and by those of voices; a pass draws
    one row of Table 1 (`methods.xfavot.objective`), trains the discriminators, then the generators. The contrast of
    styles belongs to the first, in which the style encoders step.
    """

    Settings: ClassVar[type] = XFaVoTSettings
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "joint": {"speaker_domains": False, "lambda_csc": 0.0},
        "joint_csc": {"speaker_domains": False},
        "no_csc": {"lambda_csc": 0.0},
    }
    gender_only: ClassVar[Mapping[str, Any] | None] = {"reference": "gender", "lambda_csc": 0.0}
    tasks: ClassVar[frozenset[str]] = frozenset(
        {
            "image_guided_translation",
            "audio_guided_translation",
            "latent_guided_translation",
            "image_guided_vc",
            "audio_guided_vc",
            "latent_guided_vc",
        }
    )
    guides = frozenset({"image", "audio"})
    upstream = frozenset({"f0_network", "asr_network"})
    settings: XFaVoTSettings

    def __init__(self, settings: XFaVoTSettings, speakers: int = 0) -> None:
        super().__init__(settings, speakers)
        s = settings
        domains = GENDERS + (speakers or SPEAKERS) * s.speaker_domains
        self.f0_network = f0_network(s.f0_network)
        self.asr_network = asr_features(s.asr_network)
        picture, voice = (s.width, s.max_width), (s.voice_width, s.max_width)
        self.image_generator = images.Generator(s.size, s.style, 0.0, *picture, depth=s.depth)
        self.audio_generator = voices.Generator(self.f0_network.channels, s.style, *voice, s.extra_f0_block)
        if s.reference == "gender":
            self.image_style_encoder: nn.Module = GenderStyle(s.style)
            self.audio_style_encoder: nn.Module = GenderStyle(s.style)
        else:
            self.image_style_encoder = images.StyleEncoder(s.size, s.style, GENDERS, *picture)
            self.audio_style_encoder = voices.StyleEncoder(GENDERS, s.style, *voice)
        self.mapping_network = MappingNetwork(s.latent, s.style, domains, s.hidden)
        self.image_discriminator = images.Discriminator(s.size, GENDERS, *picture)
        self.audio_discriminator = voices.Critic(domains, *voice)
        self.classifier = voices.Critic(domains, *voice)
        for name in (*IMAGE, *AUDIO):
            he_init(self.get_submodule(name))
        self.ema = dict.fromkeys((*GENERATORS, "image_style_encoder", "audio_style_encoder", "mapping_network"), s.ema)
        read = {"image": ("face128",), "audio": ("mel80",), "latent": ()}
        own = {"translation": ("face128",), "vc": ("mel80",)}
        self.inputs = {
            task: tuple(dict.fromkeys(own[task.split("_")[-1]] + read[task.split("_")[0]])) for task in self.tasks
        }
        self.output = {task: FACE if task.endswith("translation") else "mel80" for task in self.tasks}

    def draws(self) -> Mapping[str, Draw]:
        """Sources, the domain of latent codes, and for every kind of people two references of one gender. Of those who
        are seen and heard, nobody twice: face and voice of each are what the contrast of styles tells apart."""
        s = self.settings
        face, mel = partial(Pick, "face", ("face128",)), partial(Pick, "audio", ("mel80",), crop=s.crop)
        columns: dict[str, Pick] = {
            "face": face(balance="gender"),
            "voice": mel(balance="gender"),
            "domain": mel(balance="gender"),
        }
        if "paired" in s.kinds:
            columns["paired_voice"] = mel(pool="paired", balance="gender", distinct=True)
            columns["paired_face"] = face(pool="paired", same_speaker="paired_voice")
            columns["paired_other_voice"] = mel(pool="paired", same_gender="paired_voice")
            columns["paired_other_face"] = face(pool="paired", same_gender="paired_voice")
        if "faces" in s.kinds:
            columns["faces_face"] = face(pool="faces", balance="gender")
            columns["faces_other_face"] = face(pool="faces", same_gender="faces_face")
        if "voices" in s.kinds:
            columns["voices_voice"] = mel(pool="voices", balance="gender")
            columns["voices_other_voice"] = mel(pool="voices", same_gender="voices_voice")
        return {"people": Draw(s.people, columns)}

    def optimizers(self) -> Mapping[str, Optimizer]:
        s = self.settings
        options = {"betas": (s.beta1, s.beta2), "weight_decay": s.weight_decay}
        rates = {"mapping_network": s.mapping_lr}
        return {
            **{name: Optimizer((name,), "adam", rates.get(name, s.lr), options) for name in IMAGE},
            **{name: Optimizer((name,), "adamw", s.lr, {**options, "eps": s.eps}) for name in AUDIO},
        }

    def phases(self) -> tuple[Phase, ...]:
        encoders = ("image_style_encoder", "audio_style_encoder")
        reading = {name: (name,) if self.settings.step_encoders_on_reference else () for name in encoders}
        return (
            Phase("discriminate_latent", DISCRIMINATORS, "people"),
            Phase("discriminate_image", DISCRIMINATORS, "people"),
            Phase("discriminate_audio", DISCRIMINATORS, "people"),
            Phase("generate_latent", (*GENERATORS, "mapping_network", *encoders), "people"),
            Phase("generate_image", (*GENERATORS, *reading["image_style_encoder"]), "people"),
            Phase("generate_audio", (*GENERATORS, *reading["audio_style_encoder"]), "people"),
        )

    def discriminate_latent(self, batch: Batch, step: Step) -> Terms:
        return self.discriminate("mapping_network", batch, step)

    def discriminate_image(self, batch: Batch, step: Step) -> Terms:
        return self.discriminate("image_style_encoder", batch, step)

    def discriminate_audio(self, batch: Batch, step: Step) -> Terms:
        return self.discriminate("audio_style_encoder", batch, step)

    def generate_latent(self, batch: Batch, step: Step) -> Terms:
        """The pass in which the style encoders step, and so the one that has their contrast."""
        s = self.settings
        terms = dict(self.generate("mapping_network", batch, step))
        if s.lambda_csc > 0:
            faces, heard = (
                step.gather(encoder(x, batch["paired_voice"]["gender"]))
                for encoder, x in (
                    (self.image_style_encoder, self.pictures(batch, "paired_face", step)),
                    (self.audio_style_encoder, self.mels(batch, "paired_voice", step)),
                )
            )
            terms["csc"] = s.lambda_csc * losses.style_consistency(faces, heard, s.temperature, s.contrast)
        return terms

    def generate_image(self, batch: Batch, step: Step) -> Terms:
        return self.generate("image_style_encoder", batch, step)

    def generate_audio(self, batch: Batch, step: Step) -> Terms:
        return self.generate("audio_style_encoder", batch, step)

    def given(self, encoder: Encoder, batch: Batch, step: Step, diverse: bool = True) -> Given:
        """Augmented sources and two styles of one domain, of a row of Table 1 that is drawn for the whole step; one
        style twice where they need not be `diverse`.

        Raises:
            BenchmarkError: a process has a share of the people that makes no whole number of rows.
        """
        s = self.settings
        each = s.people // s.batch  # evenly spread, so that processes take together what one would take alone
        share = len(batch["face"]["gender"])
        if share % each:
            raise BenchmarkError(
                f"XFaVoT translates batch = {s.batch} rows a pass, one for every {each} of people = {s.people}, and "
                f"{s.people // share} processes have {share} people each. Use a number of devices that divides batch."
            )
        batch = {name: {key: rows[::each] for key, rows in column.items()} for name, column in batch.items()}
        row = draw_source(encoder, s, step.choices)
        face, mel = self.pictures(batch, "face", step), self.mels(batch, "voice", step)
        network = self.get_submodule(encoder)
        if row.kind is None:
            domain = batch["domain"]
            codes = domain["speaker"] + GENDERS if row.speaker else domain["gender"]
            first, other = (torch.randn(len(codes), s.latent, generator=step.generator).to(mel) for _ in range(2))
        else:
            side = "face" if encoder == "image_style_encoder" else "voice"
            domain, prepare = batch[f"{row.kind}_{side}"], self.pictures if side == "face" else self.mels
            codes = domain["gender"]
            first, other = (prepare(batch, f"{row.kind}_{name}", step) for name in (side, f"other_{side}"))
        style = network(first, codes)
        with torch.no_grad():
            second = network(other, codes) if diverse else style
        return Given(
            face,
            mel,
            batch["face"]["gender"],
            batch["voice"]["gender"],
            batch["voice"]["speaker"],
            domain["gender"],
            domain["speaker"] if row.speaker and s.speaker_domains else None,
            (style, second),
        )

    def pictures(self, batch: Batch, column: str, step: Step) -> Tensor:
        return augment(batch[column]["face128"], self.settings.size, self.settings.crop_chance, step.generator)

    def mels(self, batch: Batch, column: str, step: Step) -> Tensor:
        return at_some_level(batch[column]["mel80"], self.settings.least_gain, step.generator)

    def heads(self, gender: Tensor, speaker: Tensor | None, step: Step) -> Tensor:
        """The heads (B,) of the audio discriminator that a call asks: all of the genders or, where speakers are known
        and with `speaker_chance`, all of the speakers."""
        speakers = bool(step.choices.random() < self.settings.speaker_chance)
        return speaker + GENDERS if speakers and speaker is not None and self.settings.speaker_domains else gender

    def discriminate(self, encoder: Encoder, batch: Batch, step: Step) -> Terms:
        """Of either modality BCE(D(x, y), 1) + BCE(D(G(x, s~), y~), 0) + lambda_r1 R1; and once it has started
        lambda_cls CE(C(G_a(x_a, s~)), y)."""
        s = self.settings
        with torch.no_grad(), auxiliaries(self.f0_network, self.asr_network, train_mode=s.auxiliary_train_mode):
            given = self.given(encoder, batch, step, diverse=False)
            style = given.styles[0]
            fake_face = self.image_generator(given.face, style).to(given.face)
            fake = self.audio_generator(given.mel, style, self.f0_network.features(given.mel)).to(given.mel)
        face, mel = (x.detach().requires_grad_() for x in (given.face, given.mel))
        real_face = self.image_discriminator(face, given.face_gender)
        real = judged(self.audio_discriminator, mel, self.heads(given.gender, given.speaker, step))
        false_face = self.image_discriminator(fake_face, given.target_gender)
        false = judged(self.audio_discriminator, fake, self.heads(given.target_gender, given.target_speaker, step))
        terms = {
            "image_real": image_losses.adversarial(real_face, real=True),
            "image_fake": image_losses.adversarial(false_face, real=False),
            "image_r1": s.lambda_r1 * image_losses.r1(real_face, face),
            "audio_real": voice_losses.adversarial(real, real=True),
            "audio_fake": voice_losses.adversarial(false, real=False),
            "audio_r1": s.lambda_r1 * image_losses.r1(real, mel),
        }
        if step.index >= s.classifier_start:
            terms["classifier"] = s.lambda_cls * self.classify(fake, given, source=True)
        return terms

    def generate(self, encoder: Encoder, batch: Batch, step: Step) -> Terms:
        """Of either modality BCE(D(G(x, s~), y~), 1) + lambda_sty style - lambda_ds diversity + lambda_cyc cycle; of
        voices lambda_asr words + lambda_f0 melody + lambda_norm loudness, and once it has started lambda_adv_cls
        CE(C(G_a(x_a, s~)), y~)."""
        given = self.given(encoder, batch, step)
        faces = {f"image_{name}": term for name, term in self.generate_faces(given, step).items()}
        return faces | {f"audio_{name}": term for name, term in self.generate_voices(given, step).items()}

    def generate_faces(self, given: Given, step: Step) -> Terms:
        s, x, (style, other) = self.settings, given.face, given.styles
        fake = self.image_generator(x, style)
        with torch.no_grad():
            another = self.image_generator(x, other)
        back = self.image_generator(fake, self.image_style_encoder(x, given.face_gender))
        read = self.image_style_encoder(fake, given.target_gender)
        return {
            "adversarial": image_losses.adversarial(self.image_discriminator(fake, given.target_gender), real=True),
            "style": s.lambda_sty * image_losses.style_reconstruction(read, style),
            "diversity": -s.lambda_ds
            * image_losses.falling(step.index, s.ds_decay, overshoot=False)
            * image_losses.diversity(fake, another),
            "cycle": s.lambda_cyc * image_losses.cycle(back, x),
        }

    def generate_voices(self, given: Given, step: Step) -> Terms:
        s, x, (style, other) = self.settings, given.mel, given.styles
        with auxiliaries(self.f0_network, self.asr_network, train_mode=s.auxiliary_train_mode):
            with torch.no_grad():
                heard, words = self.f0_network(x), self.asr_network(x)
            fake = self.audio_generator(x, style, heard.features).to(x)
            fake_heard, said = self.f0_network(fake), self.asr_network(fake)
            with torch.no_grad():
                another = self.audio_generator(x, other, heard.features).to(x)
            own = self.audio_style_encoder(x, given.gender)
            back = self.audio_generator(fake, own, fake_heard.features).to(x)
        real = judged(self.audio_discriminator, fake, self.heads(given.target_gender, given.target_speaker, step))
        read = self.audio_style_encoder(fake, given.target_gender)
        loudness = losses.norm(fake, x) if s.norm == "l1" else voice_losses.norm(fake, x, s.norm_bias)
        terms = {
            "adversarial": s.lambda_adv * voice_losses.adversarial(real, real=True),
            "style": s.lambda_sty * image_losses.style_reconstruction(read, style),
            "diversity": -s.lambda_ds * image_losses.diversity(fake, another),
            "cycle": s.lambda_cyc * image_losses.cycle(back, x),
            "asr": s.lambda_asr * F.smooth_l1_loss(said, words),
            "f0": s.lambda_f0 * voice_losses.f0_shape(fake_heard.f0, heard.f0),
            "norm": s.lambda_norm * loudness,
        }
        if step.index >= s.classifier_start:
            terms["classifier"] = s.lambda_adv_cls * self.classify(fake, given, source=False)
        return terms

    def classify(self, fake: Tensor, given: Given, source: bool) -> Tensor:
        """CE of the classifier to the source's gender and speaker, or to the reference's: the sum of the two, each over
        the rows where source and reference differ in it; of genders alone where the reference's speaker is unknown."""
        logits: Tensor = self.classifier(fake)
        wanted = given.gender if source else given.target_gender
        total = losses.classification(logits, wanted, given.gender != given.target_gender, slice(0, GENDERS))
        if given.target_speaker is not None:
            wanted = given.speaker if source else given.target_speaker
            differ = given.speaker != given.target_speaker
            total = total + losses.classification(logits, wanted, differ, slice(GENDERS, None))
        return total

    def kept(self, name: str, tensor: Tensor) -> Tensor:
        """Of the mapping network the genders' branches: no translation draws the latent of a speaker."""
        return tensor[:GENDERS] if name.startswith("mapping_network.own.") else tensor

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """Pictures (B, 3, size, size) in [-1, 1], or mels (B, 1, 80, T) as long as the source's.

        Raises:
            BenchmarkError: a reference of unknown gender.
        """
        if bool((reference["gender"] < 0).any()):
            raise BenchmarkError("XFaVoT met a reference of unknown gender; use records with genders.")
        style = self.style(task.split("_")[0], reference, seeds)
        if task.endswith("translation"):
            out: Tensor = self.image_generator(resized(source["face128"], self.settings.size), style)
            return out.clamp(-1, 1)
        return voices.converted(self.audio_generator, self.f0_network, source["mel80"], style)

    def style(self, guide: str, reference: Column, seeds: Tensor) -> Tensor:
        """Styles (B, style) of an "image", an "audio" or a "latent" guide."""
        gender = reference["gender"]
        if guide == "image":
            faces = resized(reference["face128"], self.settings.size)
            return self.image_style_encoder(faces, gender)  # type: ignore[no-any-return]
        if guide == "audio":
            return voices.heard(self.audio_style_encoder, reference["mel80"], gender)
        latents = seeded_latents(seeds, self.settings.latent).to(gender.device)
        return self.mapping_network(latents, gender)  # type: ignore[no-any-return]
