"""Starting and watching the processes of a run (`agent.py`); `multiprocessing.errors.record` for their last words."""
