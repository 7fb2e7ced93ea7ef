"""
Secrets of many kinds, each in the words that it is met in. None is real; those that a scanner would take for real are put
together here, so that no file holds them.
"""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass

HEX = "0123456789abcdef"
S = "hunter2S3cr3tV4lue"
LONG = "Zk9vYmFyQmF6UXV4MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6"
BODY = "\n".join(LONG[i:] + LONG[:i] for i in range(6))


@dataclass(frozen=True)
class Sample:
    """A text as a program prints it, and the secrets in it."""

    name: str
    text: str
    secrets: tuple[str, ...]


def b64(text: str) -> str:
    """In base64."""
    return base64.b64encode(text.encode()).decode()


def wrapped(text: str, width: int = 76) -> str:
    """In base64, as coreutils wrap it."""
    long = b64(text)
    return "\n".join(long[i : i + width] for i in range(0, len(long), width))


def pem(kind: str) -> str:
    """A private key."""
    return f"-----BEGIN {kind}-----\n{BODY}\n-----END {kind}-----"


AWS_ID = "AKIA" + "IOSFODNN7EXAMPLQ"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
KEY_LINES = (LONG, LONG[5:] + LONG[:5])

# Token shapes that need no name beside them.
SHAPES = {
    "aws id": AWS_ID,
    "aws temporary id": "ASIA" + "IOSFODNN7EXAMPLQ",
    "github": "ghp" + "_" + "a1B2" * 9,
    "github app": "ghs" + "_" + "a1B2" * 9,
    "github fine-grained": "github_pat" + "_" + "11ABCDE0_" + "a1B2" * 14,
    "gitlab": "glpat" + "-" + "a1B2c3D4e5F6g7H8i9J0",
    "gitlab runner": "glrt" + "-" + "a1B2c3D4e5F6g7H8i9J0",
    "slack bot": "xoxb" + "-123456789012-1234567890123-" + "a1B2c3D4e5F6",
    "slack app": "xapp" + "-1-A0123-123456789-" + HEX * 2,
    "google api": "AIza" + "SyD-1234567890abcdefghijklmnopqrstu",
    "google oauth": "ya29" + ".a0AfH6SMBx1234567890abcdefgh",
    "stripe": "sk_live" + "_" + "a1B2c3D4e5F6g7H8i9J0",
    "npm": "npm" + "_" + "a1B2c3" * 6,
    "package index": "pypi" + "-AgEIcHlwaS5vcmc" + "CJDAwMDAwMDAw" * 4,
    "vault": "hvs" + ".CAESIJ" + "a1B2c3D4e5F6g7H8" * 2,
    "digitalocean": "dop_v1" + "_" + HEX * 4,
    "shopify": "shpat" + "_" + HEX * 2,
    "grafana": "glsa" + "_" + "a1B2c3D4e5F6g7H8i9J0K1L2" + "_a1b2c3d4",
    "linear": "lin_api" + "_" + "a1B2c3D4e5F6g7H8i9J0K1L2",
    "hugging face": "hf" + "_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ",
    "docker hub": "dckr_pat" + "_" + "a1B2c3D4e5F6g7H8i9J0K1L2",
    "sendgrid": "SG" + ".a1B2c3D4e5F6g7H8i9J0K1" + ".a1B2c3D4e5F6g7H8i9J0K1L2M3N4O5P6",
    "age": "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2,
    "vault batch": "hvb" + ".AAAAAQ" + "a1B2c3D4e5F6g7H8" * 2,
    "google client": "GOCSPX" + "-a1B2c3D4e5F6g7H8i9J0K1L2M3N4",
    "stripe webhook": "whsec" + "_" + "a1B2c3D4" * 4,
    "new relic": "NRAK" + "-" + "A1B2C3D4E5F6G7H8I9J0K1L2M3N",
    "databricks": "dapi" + HEX * 2,
    "atlassian": "ATATT3" + "xFfGF0" + "a1B2c3D4e5F6g7H8" * 4,
    "sentry": "sntrys" + "_" + "a1B2c3D4e5F6g7H8" * 3,
    "tailscale": "tskey" + "-auth-" + "kA1B2c3CNTRL-" + "a1B2c3D4e5F6g7H8",
    "terraform cloud": "a1B2c3D4e5F6g7" + ".atlasv1." + "a1B2c3D4e5F6g7H8" * 4,
    "azure client": "abc" + "8Q~" + "a1B2c3D4e5F6g7H8i9J0K1L2M3N4O5P6Q7",
    "artifactory": "AKCp" + "a1B2c3D4e5F6g7H8" * 4 + "abcdefgh",
    "card": "4111111111111111",
    "card in groups": "5555 5555 5555 4444",
    "amex": "3782-822463-10005",
    "openai": "sk" + "-proj-" + "a1B2c3D4e5F6g7H8i9J0K1L2",
    "anthropic": "sk" + "-ant-api03-" + "a1B2c3D4e5F6g7H8i9J0K1L2",
    "jwt": JWT,
    "bcrypt": "$2y$" + "10$" + "abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
    "sha512crypt": "$6$" + "saltsalt$" + LONG + "abcdefghijklmnopqrstuv",
}

# {s} is the secret.
NAMED = {
    "environment dump": "DB_PASSWORD={s}",
    "export": "export API_TOKEN='{s}'",
    "properties": "spring.datasource.password={s}",
    "java flag": "java -Djavax.net.ssl.keyStorePassword={s} -jar app.jar",
    "yaml": "adminPassword: {s}",
    "yaml block": "adminPassword: |\n  {s}\nport: 1",
    "yaml folded": "password: >-\n    {s}\n",
    "json": '{{"level":"info","db":{{"password":"{s}"}}}}',
    "json for people": '{{\n  "password":\n    "{s}"\n}}',
    "json in json": '{{"msg":"{{\\"clientSecret\\":\\"{s}\\"}}"}}',
    "xml": "<datasource><password>{s}</password></datasource>",
    "flag": "app --db-password {s} --port 80",
    "flag with =": "app --token={s} --port 80",
    "curl login": "curl -u deploy:{s} https://registry.example/v2/",
    "curl --user": "curl --user 'deploy:{s}' https://registry.example/v2/",
    "api key header": "X-Api-Key: {s}",
    "auth token header": "X-Auth-Token: {s}",
    "bearer": "Authorization: Bearer {s}",
    "basic": "Proxy-Authorization: Basic {s}",
    "digest": 'Authorization: Digest username="u", response="{s}"',
    "cookie": "Cookie: theme=dark; sid={s}",
    "set-cookie": "Set-Cookie: sid={s}; HttpOnly",
    "basic-auth url": "pulling https://deploy:{s}@registry.example/v2/app",
    "token url": "git clone https://{s}@git.example/shop/app.git",
    "postgres url": "postgres://app:{s}@db:5432/shop?sslmode=disable",
    "mongodb url": "mongodb+srv://app:{s}@cluster0.example/shop",
    "redis url": "redis://:{s}@cache:6379/0",
    "amqp url": "amqp://app:{s}@mq:5672/",
    "mysql driver": "app:{s}@tcp(db:3306)/shop?parseTime=true",
    "jdbc url": "jdbc:postgresql://db/shop?user=app&password={s}",
    "oracle": "jdbc:oracle:thin:scott/{s}@//db:1521/shop",
    "ado": "Server=db;Database=shop;User Id=sa;Password={s};Encrypt=true",
    "libpq": "host=db user=app password={s} dbname=shop",
    "azure storage": "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={s};EndpointSuffix=core.example",
    "azure sas": "https://shop.blob.example/c?sv=2024-01-01&se=2026-12-01&sig={s}%3D",
    "aws presigned": "GET /b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={s}&x=1",
    "slack webhook": "https://hooks.slack.com/services/T000/B000/{s}",
    "discord webhook": "https://discord.example/api/webhooks/123456789/{s}{s}",
    "telegram": "https://api.telegram.org/bot123456789:{s}{s}/sendMessage",
    "netrc": "machine git.example login deploy password {s}",
    "npmrc": "//registry.example/:_authToken={s}\nalways-auth=true",
    "npmrc login": "//registry.example/:_password={s}",
    "package index rc": "[upload]\nusername = deploy\npassword = {s}\n",
    "coloured": "\x1b[36mpassword\x1b[0m=\x1b[35m{s}\x1b[0m",
    "go map": "map[password:{s} user:app]",
    "python dict": "{{'user': 'app', 'api_key': '{s}'}}",
    "ruby hash": '{{"api_key"=>"{s}"}}',
    "toml": 'secret_key = "{s}"',
    "terraform": 'access_key = "{s}"',
    "kubectl secret": "apiVersion: v1\nkind: Secret\ndata:\n  password: {s}\n",
    "query string": "POST /login?user=app&password={s}&next=/",
    "session": "sessionid={s}",
    "variable in json": '{{"name":"DB_PASSWORD","value":"{s}"}}',
    "variable in json for people": '{{\n  "name": "DB_PASSWORD",\n  "value": "{s}"\n}}',
    "variable in yaml": "env:\n- name: DB_PASSWORD\n  value: {s}\n- name: PORT\n",
    "variable in go": "[]EnvVar{{EnvVar{{Name:DB_PASSWORD,Value:{s},ValueFrom:nil,}},}}",
    "hadoop": "<property><name>db.password</name><value>{s}</value></property>",
    "hadoop for people": "<property>\n  <name>db.password</name>\n  <value>{s}</value>\n</property>",
    "sql user": "CREATE USER app IDENTIFIED BY '{s}'",
    "sql plugin": "ALTER USER 'app' IDENTIFIED WITH mysql_native_password BY '{s}'",
    "sql role": "ALTER ROLE app WITH LOGIN PASSWORD '{s}' VALID UNTIL 'infinity'",
    "arguments in json": 'cmd=["app", "--db-password", "{s}", "--port", "80"]',
    "arguments in go": "running [app --db-password {s} --port 80]",
    "mysql": "+ mysqldump -h db -u root -p{s} shop",
    "mysql in quotes": "mysql --host=db -uroot -p'{s}' shop < dump.sql",
    "sshpass": "sshpass -p {s} ssh deploy@git.example",
    "docker login": "docker login -u deploy -p {s} registry.example",
    "redis": "redis-cli -h cache -a {s} ping",
    "redis conf": "requirepass {s}\nmaxmemory 1gb",
    "redis replica": "masterauth {s}\n",
    "ldap": "ldapsearch -x -D cn=admin,dc=example -w {s} uid=ana",
    "mongo shell": "mongosh --host db -u app -p {s} --eval ping",
    "oracle shell": "sqlplus scott/{s}@//db:1521/shop",
    "sql server shell": "sqlcmd -S db -U sa -P {s} -Q 1",
    "pgpass": "db:5432:shop:app:{s}",
    "unsealing": "Unseal Key 1: {s}{s}",
    "rails": "APP_KEY=base64:{s}=",
    "header of its own": "Authorization: GenieKey {s}",
    "told": "The initial password is: {s}",
    "client key": "tls: client_key={s}",
    "below": "Use the following password to log in:\n\n{s}\n\nIt is also at /var/secrets",
    "split": "password=\n{s}\nnext line",
    "openssl": "openssl rsa -in k.pem -passin pass:{s}",
    "login without scheme": "connecting as app:{s}@db:5432/shop",
    "in a url": "GET /login?next=/&data=password%3D{s}%26user%3Dapp",
    "in html": "value=&quot;password&quot;:&quot;{s}&quot;",
    "rust": 'Config {{ user: "app", password: Some("{s}") }}',
    "php session": "PHPSESSID={s}; path=/",
    "ldap conf": "bindpw {s}\nbase dc=example",
    "azure header": "Ocp-Apim-Subscription-Key: {s}",
}


def samples() -> Iterator[Sample]:
    """All of them."""
    for name, shape in SHAPES.items():
        yield Sample(name, f"using {shape} now", (shape,))
    for name, text in NAMED.items():
        yield Sample(name, text.format(s=S), (S,))
    for kind in ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
        yield Sample(kind.lower(), pem(kind), KEY_LINES)
    yield Sample("pgp key", pem("PGP PRIVATE KEY BLOCK"), KEY_LINES)
    yield Sample(
        "aws credentials", f"aws_access_key_id = {AWS_ID}\naws_secret_access_key = {AWS_SECRET}", (AWS_ID, AWS_SECRET)
    )
    account = {"type": "service_account", "private_key_id": HEX * 2, "private_key": pem("PRIVATE KEY") + "\n"}
    yield Sample("google account", json.dumps(account), (HEX * 2, *KEY_LINES))
    login = b64(f"deploy:{S}")
    yield Sample("docker config", json.dumps({"auths": {"registry.example": {"auth": login}}}), (login,))
    yield Sample("basic without header", f"trying Basic {login} at registry", (login,))
    yield Sample("kubeconfig", kubeconfig(), (b64(pem("EC PRIVATE KEY"))[60:120], JWT, S))
    plain = b64(f"\0app\0{S}")
    yield Sample("smtp", f"AUTH PLAIN {plain}", (plain,))
    pair = f"{AWS_ID} {AWS_SECRET}"
    yield Sample("aws pair", f"using {pair} now", (AWS_ID, AWS_SECRET))
    packed = base64.b64encode(gzip.compress(f"config: {{password: {S}}} {LONG} {BODY}".encode(), mtime=0)).decode()
    yield Sample("helm release", f"data:\n  release: {b64(packed)}\ntype: helm.sh/release.v1", (b64(packed)[8:60],))
    yield Sample("archive", f"layer {packed} done", (packed[8:60],))


def kubeconfig() -> str:
    """As kubectl writes it."""
    return (
        "apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n"
        f"    client-key-data: {b64(pem('EC PRIVATE KEY'))}\n    token: {JWT}\n    password: {S}\n"
    )


def encoded() -> Iterator[Sample]:
    """The same in base64, each in two of four ways: as it is and in wrapped lines, or begun two letters earlier and twice."""
    for number, sample in enumerate(samples()):
        if len(sample.text) < 20:
            continue
        once = b64(sample.text)
        shown = (once[8:40],) if len(once) > 44 else (once,)
        if number % 2:
            yield Sample(f"{sample.name} in base64", f"payload {once} end", (*sample.secrets, *shown))
            yield Sample(f"{sample.name} wrapped", f"{wrapped(sample.text)}\n", sample.secrets)
        else:
            yield Sample(f"x{sample.name} in base64", f"payload {b64('xy' + sample.text)}", sample.secrets)
            yield Sample(f"{sample.name} twice", f"payload {b64(once)}", sample.secrets)


def traces(secret: str) -> list[bytes]:
    """What would give a secret away: itself, and the middle of its base64 wherever it begins; long ones also by half."""
    raw = secret.encode()
    found = [raw, json.dumps(secret)[1:-1].encode()]
    found += [base64.b64encode(b"x" * shift + raw)[(shift * 4 + 2) // 3 + 1 : -4] for shift in range(3)]
    if len(raw) >= 24:
        found += [raw[: len(raw) // 2], raw[len(raw) // 2 :]]
    return [each for each in found if len(each) >= 8]
