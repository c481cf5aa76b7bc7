"""`guardian plugins list` for people: on eighty columns too, nothing is cut off."""

from pathlib import Path

from click.testing import CliRunner

from guardian.cli.plugins import plugins


def test_every_plugin_is_said_with_its_version_and_all_of_its_hooks(tmp_path: Path) -> None:
    said = CliRunner(env={"COLUMNS": "80"}).invoke(plugins, ["list", "--data", str(tmp_path)]).output
    assert "rtsp 0.1.0  running" in said
    assert "hooks     discover_cameras, register_cameras, register_health_checks" in said
    assert "provides  camera:testpattern" in said
    assert "…" not in said
