# -*- coding: latin-1 -*-
# Größe
print("ATTACK SUCCEEDED: it was run")
