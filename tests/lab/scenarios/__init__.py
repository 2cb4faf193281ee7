"""What must hold, one file each; the first line says what."""
