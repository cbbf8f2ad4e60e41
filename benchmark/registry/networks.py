"""Corpora, vocoders and the networks that the suite ships."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.registry.entry import Entry

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
    "face_embedding": Entry(
        "benchmark.upstream.face_embedding.recipe:RECIPE", "whose face it is, in the voice embedding's space, for SGSIM"
    ),
    "stylegan2": Entry("benchmark.upstream.stylegan2.recipe:RECIPE", "faces out of latents, for SGSIM"),
    "matcher": Entry("benchmark.upstream.matcher.recipe:RECIPE", "which face belongs to a voice, for metrics"),
}
"""Networks that the suite ships, each with the recipe that makes it."""
