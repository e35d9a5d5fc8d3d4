"""Accounts of the local provider: for people whose organisation has no provider of its own."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, hx, scope
from portal.access import Permission, access
from portal.forms.local_account import LocalAccountForm
from portal.forms.parsing import FormErrors, parse
from portal.rules import local_accounts
from portal.rules.broken import Code, RuleBroken

pages = Blueprint("admin_accounts", __name__)

Answer = str | Response | tuple[str, int]
PAGE_SIZE = 50
VERBS = "any(activate, deactivate, make_admin, take_admin)"
ASKED = "any(reset_password, deactivate, make_admin, take_admin)"
"""What is asked about first; to activate takes nothing from anybody."""


@pages.get("/admin/accounts")
@access(Permission.ADMIN)
def index() -> Answer:
    if not scope.settings().uses_local_provider:
        return render_template("admin/accounts_elsewhere.html", issuer=scope.settings().oidc_issuer)
    search, page = request.args.get("q", "").strip(), max(1, request.args.get("page", 1, type=int))
    accounts, total = local_accounts.listed(scope.reading(), search=search, page=page, size=PAGE_SIZE)
    last_page = max(1, -(-total // PAGE_SIZE))
    return hx.render(
        "admin/accounts.html",
        "admin/_accounts.html",
        accounts=accounts,
        total=total,
        q=search,
        page=min(page, last_page),
        pages=last_page,
        admin_group=local_accounts.ADMIN_GROUP,
    )


@pages.get("/admin/accounts/new")
@access(Permission.ADMIN)
def new() -> str:
    _require_local()
    return _form({}, {})


@pages.post("/admin/accounts/new")
@access(Permission.ADMIN)
def create() -> Answer:
    """The password is on this answer only: it is stored nowhere and in no address."""
    _require_local()
    password = local_accounts.new_password()
    hashed = local_accounts.hash_made(password)
    try:
        form = parse(LocalAccountForm, request.form)
        with scope.writing() as session:
            account = local_accounts.create(
                session,
                form.username,
                password,
                by=scope.me(),
                now=clock.now(),
                name=form.name,
                email=form.email,
                groups=[local_accounts.ADMIN_GROUP] if form.admin else [],
                must_change_password=True,
                hashed=hashed,
            )
    except FormErrors as errors:
        return _form(request.form.to_dict(), errors.by_field), 422
    except RuleBroken as refusal:
        return _form(request.form.to_dict(), {refusal.field or "": refusal.message}), 422
    return render_template("admin/account_password.html", account=account, password=password, is_new=True)


@pages.get(f"/admin/accounts/<username>/<{ASKED}:verb>")
@access(Permission.ADMIN)
def ask(username: str, verb: str) -> Answer:
    """The question before a change that ends the account's sessions."""
    _require_local()
    account = local_accounts.get(scope.reading(), username)
    return hx.render("admin/account_action.html", "admin/_account_action.html", verb=verb, account=account)


@pages.post("/admin/accounts/<username>/reset_password")
@access(Permission.ADMIN)
def reset_password(username: str) -> Answer:
    """The password is on this answer only, in the dialog or on a page of its own."""
    _require_local()
    password = local_accounts.new_password()
    hashed = local_accounts.hash_made(password)
    with scope.writing() as session:
        account = local_accounts.reset_password(
            session, username, password, by=scope.me(), now=clock.now(), hashed=hashed
        )
    return hx.render(
        "admin/account_password.html",
        "admin/_account_password.html",
        account=account,
        password=password,
        is_new=False,
    )


@pages.post(f"/admin/accounts/<username>/<{VERBS}:verb>")
@access(Permission.ADMIN)
def change(username: str, verb: str) -> Answer:
    _require_local()
    rule = local_accounts.set_admin if verb.endswith("admin") else local_accounts.set_active
    try:
        with scope.writing() as session:
            rule(session, username, verb in ("activate", "make_admin"), by=scope.me(), now=clock.now())
    except RuleBroken as refusal:
        if refusal.code is Code.MISSING:
            raise
        flash(refusal.message, "error")
    else:
        flash(_("Done for %(name)s.", name=username), "success")
    return hx.redirect(url_for("admin_accounts.index"))


def _form(values: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("admin/account_new.html", values=values, errors=errors)


def _require_local() -> None:
    if not scope.settings().uses_local_provider:
        raise RuleBroken(Code.MISSING, "Accounts are kept by your organisation's own provider.")
