// The pages of letters: asked for, sent, and what their links lead to.
import type { Ticket } from '../../../accounts/tickets.ts';
import type { Texts } from '../texts/en.ts';
import type { AccountPageView, Print, SignInView } from './pages.ts';

export interface LetterView {
  readonly action: string;
  readonly csrfToken: string;
  /** the interaction that the person comes from */
  readonly interaction: string | null;
  readonly email: string;
  readonly problem: string | undefined;
  readonly isWrong: boolean;
}

export interface TicketView {
  readonly action: string;
  readonly csrfToken: string;
  readonly ticket: string;
  readonly email: string;
  readonly note: AccountPageView['note'];
  /** where the interaction ends that it goes on with */
  readonly redirectUri: string | undefined;
}

const keys = {
  sign_up: 'signUp',
  new_password: 'newPassword',
  verify_email: 'verifyEmail',
} as const;

/** `formAction`: what the policy says of the forms of an interaction. */
export const letterPages = (print: Print, formAction: (view: Pick<SignInView, 'redirectUri'>) => string) => ({
  letter(texts: Texts, kind: 'sign_up' | 'new_password', v: LetterView) {
    const t = texts.letters[keys[kind]];
    return print('letter', texts, { title: t.title, t, v, formAction: "'self'" });
  },
  letterSent(texts: Texts) {
    const { sent: t } = texts.letters;
    return print('letterSent', texts, { title: t.title, t, v: {}, formAction: "'none'" });
  },
  ticket(texts: Texts, kind: Ticket['for'], view: TicketView) {
    const { passwordRule } = texts.account;
    const t = { ...texts.tickets.password, passwordRule, ...texts.tickets[keys[kind]] };
    const v = { ...view, asksPassword: kind !== 'verify_email' };
    return print('ticket', texts, { title: t.title, t, v, formAction: formAction(v) });
  },
});
