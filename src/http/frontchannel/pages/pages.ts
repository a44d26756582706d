// The pages as HTML with the headers that go with each: Content Security Policy Level 3. The rules they keep: what comes
// from outside is escaped, nothing is loaded from anywhere, and nobody may frame a page.
import { hash } from 'node:crypto';
import { Eta } from 'eta';
import type { Texts } from '../texts/en.ts';
import { type FactorsView, factorPages, scriptFor } from './factor-pages.ts';
import { letterPages } from './letter-pages.ts';
import { styleOf } from './style.ts';
import * as templates from './templates.ts';

/** As the operator names the issuer to people. */
export interface Looks {
  readonly name: string;
  /** `#rrggbb` */
  readonly colour: string;
  readonly logo_uri?: string | undefined;
}

/** As a client looks, where a page is about one. */
export interface Look {
  /** a data: URI */
  readonly logo: string | undefined;
  /** `#rrggbb`, in place of the issuer's */
  readonly colour: string | undefined;
}

export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the forms of an interaction need. */
interface Form {
  /** path of the interaction */
  readonly action: string;
  readonly csrfToken: string;
  readonly app: string;
  readonly look?: Look;
  /** where the answer goes in the end */
  readonly redirectUri: string | undefined;
}

export interface SignInView extends Form {
  /** what the script needs to ask for one, as JSON; undefined where there can be none */
  readonly passkey: string | undefined;
  readonly email: string;
  /** what was done before */
  readonly done: string | undefined;
  /** where else people may go */
  readonly ways: { readonly new_password?: string; readonly sign_up?: string };
  readonly isAgain: boolean;
  readonly problem: string | undefined;
  /** it is the fields that are wrong */
  readonly isWrong: boolean;
}

export interface AccountView extends Form {
  readonly account: string;
  /** `sid` that the page was made for */
  readonly session: string;
}

export interface ConsentView extends AccountView {
  readonly where: string;
  readonly sections: readonly { readonly heading: string; readonly items: readonly string[] }[];
}

export interface LogoutView {
  readonly action: string;
  readonly csrfToken: string;
  readonly session: string;
  readonly account: string;
  /** who asks */
  readonly app: string | undefined;
  /** where it leads in the end */
  readonly redirectUri: string | undefined;
}

export interface AccountPageView {
  readonly action: string;
  readonly csrfToken: string;
  /** `sid` that the page was made for */
  readonly session: string;
  readonly name: string | null;
  readonly email: string;
  readonly note:
    | {
        readonly text: string;
        readonly isProblem: boolean;
        /** where it went wrong */
        readonly field?: 'current_password' | 'new_password' | 'repeated_password';
      }
    | undefined;
  readonly sessions: readonly {
    readonly sid: string;
    readonly isCurrent: boolean;
    readonly device: string;
    readonly address: string;
    readonly seen: string;
    readonly since: string;
  }[];
  readonly factors: FactorsView;
  /** the address was not, and a letter can be sent there */
  readonly mayVerifyEmail: boolean;
  readonly apps: readonly {
    readonly clientId: string;
    readonly name: string;
    readonly since: string;
    readonly used: string;
    readonly sections: ConsentView['sections'];
    /** while the person is away */
    readonly keepsAccess: boolean;
  }[];
}

export interface OverView {
  readonly app: string;
  /** where to start again */
  readonly link: string | undefined;
}

export interface ErrorView {
  readonly text: string;
  readonly link: { readonly href: string; readonly words: string } | undefined;
  readonly error: string;
  readonly description: string;
  readonly reference: string;
}

export interface FormPostView {
  readonly app: string;
  readonly action: string;
  readonly parameters: readonly (readonly [string, string])[];
}

const submitScript = "document.getElementById('response').submit()";

const sha256 = (text: string): string => `'sha256-${hash('sha256', text, 'base64')}'`;

/**
 * Chromium asks form-action of every redirect that follows a form too, the client's own ones among them: so it is the
 * scheme alone that can be said beforehand (`http:` lets https pass).
 */
const schemeOf = (uri: string): string => new URL(uri).protocol;

interface Content {
  readonly title: string;
  /** the texts of the page */
  readonly t: object;
  /** what it shows */
  readonly v: object & { readonly look?: Look };
  readonly formAction: string;
  readonly script?: string;
  /** more than one thing to be done */
  readonly isWide?: boolean;
}

/** Renders a page from its template. */
export type Print = ReturnType<typeof createPress<never>>;

/** Templates are compiled once, here; `more` are those of others who print in the same style. */
export function createPress<T extends string = never>(
  { name, colour, logo_uri: logo }: Looks,
  more = {} as Readonly<Record<T, string>>,
) {
  const eta = new Eta({ cache: true });
  for (const [template, text] of Object.entries<string>({ ...templates, ...more }))
    eta.loadTemplate(`@${template}`, text);
  const ownStyle = styleOf(colour);
  const sourcesOf = (logos: readonly (string | undefined)[]): string[] =>
    logos.flatMap((uri) => (uri === undefined ? [] : [uri.startsWith('data:') ? 'data:' : "'self'"]));
  function policy({ formAction, script, v }: Content, style: string): string {
    const images = [...new Set(sourcesOf([logo, v.look?.logo]))];
    return [
      "default-src 'none'",
      `style-src ${sha256(style)}`,
      ...(images.length === 0 ? [] : [`img-src ${images.join(' ')}`]),
      ...(script === undefined ? [] : [`script-src ${sha256(script)}`]),
      `form-action ${formAction}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join('; ');
  }
  return (template: keyof typeof templates | T, texts: Texts, content: Content): Page => {
    const { title, script, isWide, v } = content;
    const style = v.look?.colour === undefined ? ownStyle : styleOf(v.look.colour);
    const body = eta.render(`@${template}`, content);
    return {
      html: eta.render('@layout', { texts, title, name, logo, style, body, script, isWide }),
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': policy(content, style),
      },
    };
  };
}

/** A page of an interaction: what is posted comes back here, and in the end goes to the client. */
const formAction = ({ redirectUri }: { readonly redirectUri: string | undefined }): string =>
  redirectUri === undefined ? "'self'" : `'self' ${schemeOf(redirectUri)}`;

const noForm = "'none'";

export function createPages(looks: Looks) {
  const print = createPress(looks);
  return {
    ...factorPages(print, formAction),
    ...letterPages(print, formAction),
    signIn: (texts: Texts, v: SignInView) =>
      print('signIn', texts, {
        title: texts.signIn.title,
        t: { ...texts.passkey, ...texts.signIn },
        v,
        formAction: formAction(v),
        ...scriptFor(v),
      }),
    chooseAccount: (texts: Texts, v: AccountView) => {
      const { chooseAccount: t } = texts;
      return print('chooseAccount', texts, { title: t.title, t, v, formAction: formAction(v) });
    },
    consent: (texts: Texts, v: ConsentView) => {
      const { consent: t } = texts;
      return print('consent', texts, { title: t.title(v.app), t, v, formAction: formAction(v) });
    },
    over: (texts: Texts, v: OverView) =>
      print('over', texts, { title: texts.over.title, t: texts.over, v, formAction: noForm }),
    logout: (texts: Texts, v: LogoutView) => {
      const { logout: t } = texts;
      return print('logout', texts, { title: t.title, t, v, formAction: formAction(v) });
    },
    account: (texts: Texts, v: AccountPageView) => {
      const t = { ...texts.account, factors: texts.factors };
      return print('account', texts, { title: t.title, t, v, formAction: "'self'", isWide: true });
    },
    signedOut: (texts: Texts) =>
      print('signedOut', texts, {
        title: texts.signedOut.title,
        t: texts.signedOut,
        v: {},
        formAction: noForm,
      }),
    error: (texts: Texts, v: ErrorView) =>
      print('error', texts, { title: texts.errors.title, t: texts.errors, v, formAction: noForm }),
    formPost: (texts: Texts, v: FormPostView) => {
      const { formPost: t } = texts;
      const title = t.title(v.app);
      return print('formPost', texts, { title, t, v, formAction: schemeOf(v.action), script: submitScript });
    },
  };
}

export type Pages = ReturnType<typeof createPages>;
