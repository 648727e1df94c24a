"""Metadata of installed distributions, sound and damaged; no plug-in code runs."""

from pathlib import Path

import pytest

from unbraid.registry import InstalledPlugin, installed_plugins


def install(site: Path, name: str, entry_points: bytes, *, metadata: str | None = None) -> None:
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir()
    (folder / "entry_points.txt").write_bytes(entry_points)
    if metadata != "":
        (folder / "METADATA").write_text(metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("UNBRAID_PLUGINS", "UNBRAID_DISABLE_PLUGINS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def found(distribution: str) -> list[InstalledPlugin]:
    return [plugin for plugin in installed_plugins() if plugin.distribution == distribution]


def test_plugins_are_sorted_and_carry_their_distribution(site: Path) -> None:
    install(site, "two_in_one", b"[unbraid]\nzz = nowhere.zz\naa = nowhere.aa\n")
    plugins = found("two_in_one")
    assert [(plugin.name, plugin.version, plugin.state) for plugin in plugins] == [
        ("aa", "1.0", "enabled"),
        ("zz", "1.0", "enabled"),
    ]


def test_the_first_on_the_path_wins(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    install(site, "twice", b"[unbraid]\ntwice = nowhere.second\n")
    earlier = tmp_path_factory.mktemp("earlier")
    install(earlier, "twice", b"[unbraid]\ntwice = nowhere.first\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(earlier)
        (plugin,) = found("twice")
    assert plugin.entry_point is not None and plugin.entry_point.value == "nowhere.first"


@pytest.mark.parametrize("spelling", ["dis_abled", "Dis.Abled", "the-point"])
def test_names_are_compared_as_pip_compares_them(site: Path, monkeypatch: pytest.MonkeyPatch, spelling: str) -> None:
    install(site, "dis_abled", b"[unbraid]\nthe_point = nowhere\n")
    monkeypatch.setenv("UNBRAID_DISABLE_PLUGINS", f"other,{spelling}")
    (plugin,) = found("dis_abled")
    assert plugin.state == "blocked" and "UNBRAID_DISABLE_PLUGINS" in plugin.reason


def test_an_allow_list_leaves_out_the_rest(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "left_out", b"[unbraid]\nleft_out = nowhere\n")
    monkeypatch.setenv("UNBRAID_PLUGINS", "")
    assert {plugin.state for plugin in installed_plugins()} == {"not allowed"}


@pytest.mark.parametrize("damage", [b"[unbraid]\n\xff = nowhere\n", b"[unbraid\x00", b"unbraid = nowhere\n"])
def test_a_damaged_distribution_hides_nobody(site: Path, damage: bytes) -> None:
    install(site, "damaged", damage)
    install(site, "sound", b"[unbraid]\nsound = nowhere\n")
    assert [plugin.name for plugin in found("sound")] == ["sound"]


def test_a_distribution_without_metadata_is_listed(site: Path) -> None:
    install(site, "nameless", b"[unbraid]\nnameless = nowhere\n", metadata="")
    assert "nameless" in {plugin.name for plugin in installed_plugins()}
