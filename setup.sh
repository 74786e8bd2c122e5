# Set retroflip up: uv (when there is none), .venv with the pinned packages, retroflip itself as an editable install.
#
# Read it into the shell from the repository's root, `. ./setup.sh`, so that `retroflip` and `uv run` are found and use
# .venv afterwards; `sh setup.sh` installs all the same. Nothing outside the repository is changed. When nothing changed it takes no time.
# RETROFLIP_PYTHON names another interpreter than Python 3.11.

retroflip_get_uv() {
    command -v uv >/dev/null 2>&1 && return
    echo "retroflip: installing uv into .uv" >&2
    mkdir -p .uv
    # The pin and its hashes, taken from the one file that holds them. pip lets --target install anywhere, also
    # beside a Python that the operating system manages.
    sed -n '/^uv==/,/[^\\]$/p' constraints.txt >.uv/requirements.txt
    for retroflip_candidate in "${RETROFLIP_PYTHON:-python3.11}" python3 python; do
        if "$retroflip_candidate" -m pip --version >/dev/null 2>&1; then
            "$retroflip_candidate" -m pip install --quiet --disable-pip-version-check --upgrade \
                --require-hashes --target .uv -r .uv/requirements.txt
            return
        fi
    done
    echo "retroflip: no uv, and no Python with pip to install it with. Install Python 3.11 with pip" \
        "(on Debian and Ubuntu: apt-get install python3-pip) and run this again." >&2
    return 1
}

# What .venv was made from: this file, the pinned packages, the project's own metadata, and where it stands (an editable
# install is tied to it).
retroflip_stamp() {
    echo "$PWD ${RETROFLIP_PYTHON:-3.11}"
    cat setup.sh constraints.txt pyproject.toml
}

retroflip_install() {
    if [ -f .venv/retroflip.stamp ] && retroflip_stamp | cmp -s - .venv/retroflip.stamp; then
        return
    fi
    echo "retroflip: installing the pinned packages into .venv" >&2
    [ -x .venv/bin/python ] || uv venv --quiet --python "${RETROFLIP_PYTHON:-3.11}" .venv || return
    # The pinned packages are compiled once, here: where Python may not write bytecode (many containers), every start would compile torch anew.
    uv pip sync --python .venv --compile-bytecode --require-hashes constraints.txt || return
    # No build isolation: the build's own packages are among the pinned ones.
    uv pip install --python .venv --quiet --no-deps --no-build-isolation --editable . || return
    retroflip_stamp >.venv/retroflip.stamp
}

if [ ! -f constraints.txt ] || [ ! -d src/retroflip ]; then
    echo "retroflip: run this from the repository's root." >&2
    false
else
    [ ! -d .uv/bin ] || PATH="$PATH:$PWD/.uv/bin"
    if retroflip_get_uv; then
        case ":$PATH:" in
        *":$PWD/.uv/bin:"*) ;;
        *) PATH="$PATH:$PWD/.uv/bin" ;;
        esac
        export PATH
        # `uv run` prefers an active environment to .venv, so make .venv the active one.
        export VIRTUAL_ENV="$PWD/.venv"
        # First on PATH only once it is whole: its python has no pip to get uv with.
        retroflip_install && case "$PATH:" in
        "$PWD/.venv/bin:"*) ;;
        *) PATH="$PWD/.venv/bin:$PATH" ;;
        esac
    else
        false
    fi
fi
