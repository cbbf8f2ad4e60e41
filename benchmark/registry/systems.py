"""The systems of the suite: methods, baselines, controls."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.registry.entry import FACES_OUT, VOICE, VOICES_OUT, Entry

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
    "sgsim": Entry(
        "baselines.sgsim.system:SGSIM",
        "a StyleGAN2 latent optimised towards what an audio encoder says (Lee et al. 2022)",
        "baseline",
        ("audio_guided_translation",),
        variants=("official",),
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
        (*VOICE, *FACES_OUT),
    ),
    "vocoded_ground_truth": Entry(
        "baselines.controls:VocodedGroundTruth",
        "ground_truth through the vocoder: a mel system's ceiling",
        "control",
        VOICE,
    ),
    "copy_source": Entry("baselines.controls:CopySource", "emits the source", "control", (*VOICES_OUT, *FACES_OUT)),
    "vocoded_copy_source": Entry(
        "baselines.controls:VocodedCopySource",
        "copy_source through the vocoder: a mel system's floor",
        "control",
        VOICES_OUT,
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
        (*VOICES_OUT, *FACES_OUT),
    ),
}
