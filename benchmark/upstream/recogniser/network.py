"""The suite's own recogniser for the embedded corpus, as an ESPnet configuration: joint CTC and attention.

Sizes after ../shared/reference/metrics.md section 3 (a tiny conformer that two CPU cores can train); every published
model is built from a configuration of the same form by the same function.
"""

from __future__ import annotations

import string
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from torch import nn

from benchmark.upstream.recogniser.load import quiet_import

BLANK, UNKNOWN, SPACE, END = "<blank>", "<unk>", "<space>", "<sos/eos>"
TOKENS = (BLANK, UNKNOWN, SPACE, *string.ascii_lowercase, "'", END)
RATE = 16000

CONFIG: Mapping[str, Any] = {
    "token_list": list(TOKENS),
    "token_type": "char",
    "bpemodel": None,
    "init": None,
    "input_size": None,
    "frontend": "default",
    "frontend_conf": {"fs": RATE, "n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 80},
    "specaug": "specaug",
    "specaug_conf": {
        "apply_time_warp": False,
        "freq_mask_width_range": [0, 16],
        "num_freq_mask": 2,
        "time_mask_width_range": [0, 12],
        "num_time_mask": 2,
        "replace_with_zero": False,
    },
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "encoder": "conformer",
    "encoder_conf": {
        "output_size": 96,
        "attention_heads": 4,
        "linear_units": 192,
        "num_blocks": 3,
        "dropout_rate": 0.1,
        "positional_dropout_rate": 0.1,
        "attention_dropout_rate": 0.0,
        "input_layer": "conv2d",
        "normalize_before": True,
        "macaron_style": True,
        "use_cnn_module": True,
        "cnn_module_kernel": 15,
        "rel_pos_type": "latest",
        "pos_enc_layer_type": "rel_pos",
        "selfattention_layer_type": "rel_selfattn",
        "activation_type": "swish",
    },
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 4, "linear_units": 192, "num_blocks": 1, "dropout_rate": 0.1},
    "ctc_conf": {"reduce": True},
    "model": "espnet",
    "model_conf": {"ctc_weight": 0.5, "lsm_weight": 0.1, "report_cer": False, "report_wer": False},
}


def build(config: Mapping[str, Any]) -> nn.Module:
    """An `ESPnetASRModel` with fresh weights; `config` holds the keys of ESPnet's config.yaml."""
    with quiet_import():
        from espnet2.tasks.asr import ASRTask  # here, because importing it takes seconds

    network: nn.Module = ASRTask.build_model(Namespace(**config))
    return network
