"""The form that human raters fill in: one page that works from a disk, and its media under names that say nothing."""
