"""What is said, as features of the mel: the ASR network of StarGANv2-VC, and a small one of ours (docs/pocket.md)."""
