"""JDC: the network that reads F0 from a mel, for the losses of StarGANv2-VC and XFaVoT."""
