import pytest
from guardian_cloud.model.errors import BadSetting
from guardian_cloud.settings.load import load, table


def write(folder, text):
    path = folder / "cloud.toml"
    path.write_text(text)
    return path


def test_nothing_said_is_a_small_cloud_on_one_machine():
    settings = load(None, {})
    assert settings.store.url.get_secret_value() == ""
    assert settings.web.listen.startswith("127.0.0.1:")


def test_the_environment_goes_before_the_file_and_values_may_stand_elsewhere(tmp_path):
    (tmp_path / "password").write_text("s3cret\nmore\n")
    path = write(
        tmp_path,
        f'[mail]\nhost = "mail.example"\nsender = "a@b.example"\npassword = "file:{tmp_path}/password"\n[web]\nlisten = "127.0.0.1:1"\n',
    )
    variables = {
        "GUARDIAN_CLOUD_WEB__LISTEN": "127.0.0.1:2",
        "GUARDIAN_CLOUD_STORE__URL": "env:PG",
        "PG": "postgresql+asyncpg://a:b@h/d",
        "HOME": "/",
    }
    settings = load(path, {**variables, "GUARDIAN_CLOUD_CONTROL__NAMES": '["a.example", "b.example"]'})
    assert settings.web.listen == "127.0.0.1:2"
    assert settings.mail.password.get_secret_value() == "s3cret"
    assert settings.store.url.get_secret_value().endswith("@h/d")
    assert settings.control.names == ("a.example", "b.example")
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("[web]\nlisten = 5\n", "web.listen", "string"),
        ('[web]\nlisten = "nowhere"\n', "web.listen", "pattern"),
        ('[web]\npublic_url = "http://cloud.example"\n', "web.public_url", "https://"),
        ("[web]\nlissen = 1\n", "web.lissen", "no setting"),
        ('[store]\nurl = "mysql://x"\n', "store.url", "postgresql"),
        ('[mail]\nhost = "mail.example"\n', "mail", "sender"),
        ('[mail]\nhost = "m.example"\nsender = "a@b"\nsecurity = "none"\n', "mail", "this machine only"),
        ('[store]\nurl = "env:NOT_THERE"\n', "store.url", "NOT_THERE"),
        ('[store]\nurl = "file:/not/there"\n', "store.url", "cannot be read"),
        ("[web\n", "--config", "TOML"),
    ],
)
def test_a_fault_names_field_and_cure(tmp_path, text, field, words):
    with pytest.raises(BadSetting, match=words) as refused:
        load(write(tmp_path, text), {})
    assert refused.value.field == field
    assert refused.value.cure


def test_every_setting_says_what_it_is():
    assert all(meaning for _, _, meaning in table())
