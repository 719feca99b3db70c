/** The proxy's version, told by `--version` and `/server_info`. */
export const version = '0.1.0';

/** In Envoy's form: revision, version, state of the source, kind of build, TLS library. */
export const fullVersion = `unicorn/${version}/Clean/RELEASE/OpenSSL`;
