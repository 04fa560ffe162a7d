import type { Duration } from 'aws-cdk-lib';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';

/** What somebody may do: look; silence and test as well; change everything. */
export type RoleName = 'viewer' | 'operator' | 'admin';

/** An OpenID provider that people sign in at. Its redirect URI is `https://…/sign-in/callback` below the console's address. */
export interface ProviderProps {
  /** As the provider calls itself, to the letter: `https://login.example/tenant`. */
  readonly issuer: string;
  readonly clientId: string;
  /** What it shares with us. Default: none, for a public client. */
  readonly clientSecret?: ISecret;
  /** Default: `openid email profile`. */
  readonly scopes?: readonly string[];
}

/**
 * Who may come into the console. With `provider` or `tokens` its URL is open to browsers, and it asks them itself; `sessionKey` is
 * needed then. Without, it answers signed requests only, and who may sign is a matter of IAM.
 */
export interface SignInProps {
  /** People sign in there. */
  readonly provider?: ProviderProps;
  /** Secrets with hashes of tokens, as `overtime token` prints them, by role. Without a provider people sign in with them, else machines alone. */
  readonly tokens?: Partial<Record<RoleName, ISecret>>;
  /** What sessions are sealed with: 32 bytes in base64, or two such keys while they are changed, the newer first. */
  readonly sessionKey?: ISecret;
  /** After how long a session is over that nobody uses. Default: an hour. */
  readonly sessionIdle?: Duration;
  /** After how long a session is over. Default: 12 hours. */
  readonly sessionMax?: Duration;
  /** The claim that says what somebody is. Default: `groups`. */
  readonly rolesClaim?: string;
  /** Whom each role is granted to: values of the claim, or ARNs of IAM; `*` stands for any letters. Without any, whoever IAM lets in is an admin. */
  readonly grants?: Partial<Record<RoleName, readonly string[]>>;
  /** What else than its address the console may be asked for by. Default: anything that leads to it. */
  readonly hosts?: readonly string[];
}

const GRANTS: Readonly<Record<RoleName, string>> = {
  viewer: 'OVERTIME_VIEWERS',
  operator: 'OVERTIME_OPERATORS',
  admin: 'OVERTIME_ADMINS',
};

/** Whether the console asks people itself, so that its URL must let everybody through to it. */
export function asksItself(props: SignInProps): boolean {
  return props.provider !== undefined || props.tokens !== undefined;
}

/** Every secret that the console must read for that. */
export function secretsOf(props: SignInProps): ISecret[] {
  if (!asksItself(props)) return [];
  const all = [props.sessionKey, ...Object.values(props.tokens ?? {}), props.provider?.clientSecret];
  return all.filter((it) => it !== undefined);
}

/** The console's settings. */
export function signInSettings(props: SignInProps): Record<string, string> {
  const grants = Object.entries(GRANTS).flatMap(([role, name]) => {
    const granted = props.grants?.[role as RoleName] ?? [];
    return granted.length > 0 ? [[name, granted.join(',')]] : [];
  });
  const common = {
    ...Object.fromEntries(grants),
    ...(props.rolesClaim ? { OVERTIME_ROLES_CLAIM: props.rolesClaim } : {}),
    ...(props.hosts?.length ? { OVERTIME_HOSTS: props.hosts.join(',') } : {}),
  };
  if (!asksItself(props)) return common;
  if (!props.sessionKey) throw new Error('signIn has tokens or a provider, and no sessionKey');
  if (props.provider && grants.length === 0) throw new Error('signIn has a provider, and grants nobody anything');
  const tokens = Object.entries(props.tokens ?? {}).map(([role, secret]) => `${role}=${refer(secret)}`);
  return {
    ...common,
    OVERTIME_SIGN_IN: props.provider ? 'oidc' : 'token',
    OVERTIME_SESSION_KEY: refer(props.sessionKey),
    ...(tokens.length > 0 ? { OVERTIME_TOKENS: tokens.join(',') } : {}),
    ...(props.sessionIdle ? { OVERTIME_SESSION_IDLE: `${props.sessionIdle.toSeconds()}s` } : {}),
    ...(props.sessionMax ? { OVERTIME_SESSION_MAX: `${props.sessionMax.toSeconds()}s` } : {}),
    ...(props.provider ? providerSettings(props.provider) : {}),
  };
}

function providerSettings(provider: ProviderProps): Record<string, string> {
  return {
    OVERTIME_OIDC_ISSUER: provider.issuer,
    OVERTIME_OIDC_CLIENT_ID: provider.clientId,
    ...(provider.clientSecret ? { OVERTIME_OIDC_CLIENT_SECRET: refer(provider.clientSecret) } : {}),
    ...(provider.scopes?.length ? { OVERTIME_OIDC_SCOPES: provider.scopes.join(' ') } : {}),
  };
}

function refer(secret: ISecret): string {
  return `secretsmanager:${secret.secretArn}`;
}
