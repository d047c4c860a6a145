"""What is said where nothing can be forked: by the doctor, and to whoever asks for a fence there."""

# --- fence and doctor where new Pythons are started (read by whoever installs this) ------------------------------

FENCE_NOT_SPAWNED = "guests that are started anew, as on macOS and Windows, have no fence."
DOCTOR_FORKS = "your code is started as a copy of a warm Python: at once, as often as it is needed."
DOCTOR_SPAWNS = "your code is started as a new Python, and one more is kept ready; the first of a command imports torch, which takes seconds."
DOCTOR_UNFENCED = "On macOS and Windows your own code runs unfenced: times are limited, memory is not. What you hand in is judged in the fence. This grader has not been run on macOS or Windows hardware yet. `grader doctor --fence none` asks for no more than your own code needs."
