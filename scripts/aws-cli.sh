#!/bin/sh
# Installs the AWS CLI into .cache/venv, at the version that the tests use, unless it is there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/.." && pwd)
venv=$repository/.cache/venv

[ -x "$venv/bin/aws" ] && exit
"$here/need.sh" python3 venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
echo "install: AWS CLI into .cache/venv" >&2
# pip refuses constraints with extras (`moto[server]`).
sed 's/\[.*\]//' "$repository/tests/clients/requirements.txt" >"$venv/constraints.txt"
"$venv/bin/pip" install --quiet --disable-pip-version-check \
    --constraint "$venv/constraints.txt" awscli
