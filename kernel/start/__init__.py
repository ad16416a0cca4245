"""From the jump of the boot loader to the prompt, on the first processor and on the others."""
