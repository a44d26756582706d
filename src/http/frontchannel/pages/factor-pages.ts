// The pages of second factors: what each shows. The rule they keep: a script stands only where a passkey is asked for.
import type { Texts } from '../texts/en.ts';
import type { Print, SignInView } from './pages.ts';
import { passkeyScript } from './passkey-script.ts';

export interface SecondFactorView
  extends Pick<SignInView, 'action' | 'csrfToken' | 'app' | 'redirectUri' | 'problem'> {
  readonly account: string;
  readonly hasTotp: boolean;
  readonly hasRecoveryCodes: boolean;
  /** what the script needs to ask for one, as JSON; undefined where there is none */
  readonly passkey: string | undefined;
  readonly isWrong: boolean;
  /** it is asked for by a client alone, and may be left */
  readonly isStepUp: boolean;
}

export interface EnrolView extends Pick<SignInView, 'action' | 'csrfToken' | 'app' | 'redirectUri'> {
  readonly accountUri: string;
}

/** What the account page shows of second factors. */
export interface FactorsView {
  readonly isOn: boolean;
  /** the sign-in is recent enough to change them */
  readonly isRecent: boolean;
  readonly totpSince: string | undefined;
  readonly passkeys: readonly {
    readonly id: string;
    readonly name: string;
    readonly used: string;
    readonly since: string;
  }[];
  readonly recoveryCodes: number;
  readonly mayHavePasskeys: boolean;
}

/** What the forms of the account page need. */
export interface OwnForm {
  readonly action: string;
  readonly csrfToken: string;
  /** `sid` that the page was made for */
  readonly session: string;
}

export interface TotpView extends OwnForm {
  /** SVG, of ours */
  readonly qr: string;
  readonly secret: string;
  readonly problem: string | undefined;
}

export interface PasskeyView extends OwnForm {
  readonly passkey: string;
  readonly handle: string;
  readonly name: string;
}

/** The script, where there is something for it to do. */
export const scriptFor = ({ passkey }: { readonly passkey: string | undefined }): { script?: string } =>
  passkey === undefined ? {} : { script: passkeyScript };

/** `formAction`: what the policy says of the forms of an interaction. */
export const factorPages = (print: Print, formAction: (view: Pick<SignInView, 'redirectUri'>) => string) => ({
  secondFactor(texts: Texts, v: SecondFactorView) {
    const t = { ...texts.passkey, ...texts.secondFactor };
    return print('secondFactor', texts, { title: t.title, t, v, formAction: formAction(v), ...scriptFor(v) });
  },
  enrol(texts: Texts, v: EnrolView) {
    const { enrol: t } = texts;
    return print('enrol', texts, { title: t.title, t, v, formAction: formAction(v) });
  },
  totpSetUp(texts: Texts, v: TotpView) {
    const { totpSetUp: t } = texts;
    return print('totpSetUp', texts, { title: t.title, t, v, formAction: "'self'" });
  },
  passkeySetUp(texts: Texts, v: PasskeyView) {
    const { passkeySetUp: t } = texts;
    return print('passkeySetUp', texts, { title: t.title, t, v, formAction: "'self'", ...scriptFor(v) });
  },
  recoveryCodes(texts: Texts, v: { readonly action: string; readonly codes: readonly string[] }) {
    const { recoveryCodes: t } = texts;
    return print('recoveryCodes', texts, { title: t.title, t, v, formAction: "'none'" });
  },
});
