/** Which operators take an argument, and a length: the others are refused with one, as in Envoy. */
import { FormatError } from './command.ts';

interface Syntax {
  argument: 'none' | 'optional' | 'required';
  length: boolean;
}

const command: Syntax = { argument: 'none', length: false };

/** By what they take: the names of operators. */
const kinds: [Syntax, string][] = [
  [
    { argument: 'required', length: true },
    'REQ RESP TRAILER STREAM_INFO_REQ REQUEST_HEADER RESPONSE_HEADER RESPONSE_TRAILER DYNAMIC_METADATA ENVIRONMENT QUERY_PARAM COALESCE',
  ],
  [{ argument: 'required', length: false }, 'COMMON_DURATION CLUSTER_METADATA UPSTREAM_METADATA'],
  [
    { argument: 'optional', length: true },
    'FILTER_STATE UPSTREAM_FILTER_STATE QUERY_PARAMS PATH METADATA CEL TYPED_CEL XFCC_VALUE',
  ],
  [
    { argument: 'optional', length: false },
    `RESPONSE_CODE_DETAILS REQUESTED_SERVER_NAME GRPC_STATUS START_TIME START_TIME_LOCAL EMIT_TIME EMIT_TIME_LOCAL
    DOWNSTREAM_PEER_CERT_V_START DOWNSTREAM_PEER_CERT_V_END UPSTREAM_PEER_CERT_V_START UPSTREAM_PEER_CERT_V_END
    UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT
    DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
    DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT`,
  ],
];

const syntaxes = new Map(kinds.flatMap(([syntax, names]) => names.split(/\s+/).map(name => [name, syntax] as const)));

/** @throws FormatError where an operator is not written as it has to be */
export function checkSyntax(name: string, argument: string | undefined, hasLength: boolean): void {
  const syntax = syntaxes.get(name) ?? command;
  if (syntax.argument === 'none' && (argument || hasLength))
    throw new FormatError(`${name} does not take any parameters or length`);
  if (syntax.argument === 'required' && !argument) throw new FormatError(`${name} requires parameters`);
  if (hasLength && !syntax.length) throw new FormatError(`${name} does not allow length to be specified.`);
}
