"""plan -> prepare -> train -> translate -> score -> write, each step resumable (DESIGN.md section 8)."""
