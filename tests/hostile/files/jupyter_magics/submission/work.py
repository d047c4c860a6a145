%matplotlib inline
!pip install torch
print("ATTACK SUCCEEDED: it was run")
