"""What the StarGANv2 family is made of: networks for faces and for voices, the terms of their objectives, and how
training pictures are augmented. StarGANv2 and StarGANv2-VC are built of it, and XFaVoT of both."""
