"""A SaaS company whose truth is known: the data of the demo, and the yardstick of the model.

`behaviour.step` moves every account by one week; the world (what happened) and the oracle (what
could still have happened) are the same function under different random numbers. What the vendors'
tools would have recorded is drawn on top of it and written as canonical tables.
"""
