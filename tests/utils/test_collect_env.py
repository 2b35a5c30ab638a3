"""torch.utils.collect_env."""

import lightwell as lw
from lightwell.utils import collect_env


def test_the_report_names_the_versions(capsys):
    collect_env.main()
    told = capsys.readouterr().out
    info = collect_env.get_env_info()
    assert f"PyTorch version: {lw.__version__}\n" in told and "Is CUDA available: False" in told and "] numpy==" in told
    assert all(isinstance(value, str) and value for value in info) and info.is_debug_build == "False"
