/** The /etc of every sandbox: of our own making, with the few files of the host that its programs cannot do without. Nothing about the host's users. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A file's content, or where a link points. */
export type Entry = { content: Buffer | string; mode?: number } | { link: string };

const users = `root:x:0:0:root:/root:/bin/bash
learner:x:1000:1000:learner:/home/learner:/bin/bash
checker:x:1100:1100:checker:/tmp:/bin/sh
sidecar:x:1337:1337:sidecar:/tmp:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
`;

const groups = `root:x:0:
tty:x:5:
learner:x:1000:
checker:x:1100:
sidecar:x:1337:
nogroup:x:65534:
`;

const hosts = `127.0.0.1 localhost proxy
127.0.0.2 httpbin greeter
::1 localhost
`;

/**
 * Bash tells the terminal where prompts, commands and their ends are (OSC 133; D carries the exit status). A shell of the learner's that does not read
 * this, such as one started with --norc, tells nothing.
 */
const bashrc = `case $- in *i*) ;; *) return ;; esac
[ -z "$UNICORN_BASHRC" ] || return
UNICORN_BASHRC=1
HISTCONTROL=ignoreboth HISTSIZE=2000
shopt -s checkwinsize histappend
alias ls='ls --color=auto' ll='ls -l --color=auto' grep='grep --color=auto'
PS1='\\[\\e]133;A\\a\\]\\[\\e[1;35m\\]unicorn\\[\\e[0m\\] \\[\\e[1;34m\\]\\w\\[\\e[0m\\] \\$ \\[\\e]133;B\\a\\]'
PS0='\\e]133;C\\a'
unicorn_status() { local status=$?; [ -z "$unicorn_ran" ] || printf '\\e]133;D;%s\\a' "$status"; unicorn_ran=1; return "$status"; }
PROMPT_COMMAND=unicorn_status
[ ! -r ~/.bashrc ] || . ~/.bashrc
`;

const profile = `[ -z "$BASH" ] || . /etc/bash.bashrc
`;

const own: Record<string, string> = {
  passwd: users,
  group: groups,
  hosts,
  hostname: 'unicorn\n',
  'resolv.conf': '',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n',
  'bash.bashrc': bashrc,
  profile,
  'host.conf': 'multi on\n',
  fstab: '',
  mtab: '',
};

/** What the host's programs look for: which program a name stands for, libraries' places, certificates, names of ports, key bindings. */
const ofHost = [
  'alternatives',
  'ld.so.cache',
  'ld.so.conf',
  'ssl/openssl.cnf',
  'ssl/certs/ca-certificates.crt',
  'pki/tls/openssl.cnf',
  'pki/ca-trust/extracted/pem',
  'ca-certificates/extracted',
  'crypto-policies/back-ends',
  'services',
  'protocols',
  'inputrc',
  'terminfo',
];

const largest = 4 * 1024 * 1024;
const readableByAll = 0o004;

function* hostEntries(name: string): Generator<[string, Entry]> {
  const path = join('/etc', name);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (found.isSymbolicLink()) yield* linkEntry(name, readlinkSync(path));
  else if (found.isDirectory()) {
    for (const child of readdirSync(path).sort()) yield* hostEntries(join(name, child));
  } else if (found.isFile() && found.mode & readableByAll && found.size < largest)
    yield [name, { content: readFileSync(path) }];
}

/** A link into the programs stays a link; one to elsewhere is replaced by what it points to, where everybody may read that. */
function* linkEntry(name: string, target: string): Generator<[string, Entry]> {
  if (/^(\/usr|\/bin|\/sbin|\/lib)/.test(target) || name.startsWith('alternatives/')) {
    yield [name, { link: target }];
    return;
  }
  const found = statSync(join('/etc', name), { throwIfNoEntry: false });
  if (found?.isFile() && found.mode & readableByAll && found.size < largest)
    yield [name, { content: readFileSync(join('/etc', name)) }];
}

/** The files of /etc by their path below it. */
export function etcEntries(): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const name of ofHost) for (const [path, entry] of hostEntries(name)) entries.set(path, entry);
  for (const [path, content] of Object.entries(own)) entries.set(path, { content });
  return entries;
}
