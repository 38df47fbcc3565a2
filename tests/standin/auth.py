"""Who calls the API: tokens, Basic, scopes, and the refusals of each version.

Some versions repeat the credential in the body of a 401 (reference 10): clients must not show these bodies.
"""

import base64
import binascii

from standin.forge import MALFORMED, Forge, RefusedError
from standin.wire import Reply, Request
from standin.world import User

Caller = tuple[User | None, tuple[str, ...]]
ALL = ("all",)
_JWT = f"authorized integration: parse JWT error: {MALFORMED}"
_QUERY = "token and access_token API authentication is deprecated and will be removed in {0}. Please use "
_HEADER = "AuthorizationHeaderToken instead. Existing queries will continue to work but without authorization."


def warning(forge: Forge) -> tuple[str, str]:
    """The header of every answer to a request that carries its token in the address."""
    when = "Forgejo v13.0.0" if forge.profile.generation > 12 else "gitea 1.23"
    return "Warning", _QUERY.format(when) + _HEADER


def caller(forge: Forge, request: Request) -> Caller:
    """The caller and the scopes of the token used; raises the 401 of a credential that is not valid."""
    kind, _, value = request.header("Authorization").partition(" ")
    query = request.one("token") or request.one("access_token")
    if kind.lower() in {"token", "bearer"}:
        return _by_token(forge, value)
    if kind.lower() == "basic":
        return _by_basic(forge, request, value)
    return _by_token(forge, query) if query else (None, ALL)


def _by_token(forge: Forge, token: str) -> Caller:
    known = forge.world.who(token)
    if known:
        return known
    message = "user does not exist [uid: 0, name: ]"
    if not forge.profile.forgejo and forge.profile.release >= (1, 25):
        message = "invalid username, password or token"
    if forge.profile.generation >= 16:
        unknown = [f"access token does not exist [sha: {token}]", MALFORMED]
        message = "\n".join([MALFORMED, *unknown, f'task with token "{token}": resource does not exist', _JWT])
    raise RefusedError(forge.error(message, 401))


def _by_basic(forge: Forge, request: Request, value: str) -> Caller:
    try:
        name, _, password = base64.b64decode(value).decode("utf-8", "replace").partition(":")
    except binascii.Error:
        name, password = "", ""
    for token in (password, name):
        if known := forge.world.who(token):
            return known
    user = forge.world.users.get(name)
    if user is None:
        raise RefusedError(_refused(forge, f"user does not exist [uid: 0, name: {name}]", password or name))
    if user.password != password:
        raise RefusedError(_refused(forge, f"user's password is invalid [uid: {user.id}, name: {name}]", password))
    code = request.header("X-Forgejo-OTP") or request.header("X-Gitea-OTP")
    if user.login == "totp" and code != user.passcode:
        raise RefusedError(_refused(forge, "invalid provided OTP", password))
    return user, ALL


def _refused(forge: Forge, message: str, secret: str) -> Reply:
    if forge.profile.generation >= 16:
        unknown = f"access token does not exist [sha: {secret}]"
        message = "\n".join([MALFORMED, message, unknown, f'task with token "{secret}": resource does not exist'])
    return forge.error(message, 401)


def check_scope(forge: Forge, scopes: tuple[str, ...], wanted: str) -> None:
    """`wanted` is like `read:repository`; a writing scope allows reading too. Raises the 403."""
    _, _, what = wanted.partition(":")
    enough = {"all", wanted, f"write:{what}"}
    if not enough & set(scopes):
        message = f"token does not have at least one of required scope(s): [{wanted}]"
        if not forge.profile.forgejo:
            message = message.replace(": [", ", required=[") + f", token scope={','.join(scopes)}"
        raise RefusedError(forge.error(message, 403))
