"""The face network that systems of faces and voices share, and what one of them makes of its own output."""
