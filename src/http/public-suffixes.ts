/**
 * Domains below which anyone can register a name, and that are likely to be given by mistake: the common ones
 * with two labels in the Public Suffix List (https://publicsuffix.org). Domains with one label are refused
 * anyway. Browsers know the whole list.
 */
export const PUBLIC_SUFFIXES: ReadonlySet<string> = new Set(
  (
    'co.uk org.uk me.uk ac.uk gov.uk ltd.uk plc.uk net.uk nhs.uk com.au net.au org.au edu.au gov.au ' +
    'id.au co.nz org.nz net.nz govt.nz ac.nz co.jp ne.jp or.jp ac.jp go.jp co.kr or.kr go.kr co.in ' +
    'org.in net.in gov.in ac.in com.br org.br net.br gov.br com.cn net.cn org.cn gov.cn edu.cn com.tw ' +
    'org.tw com.hk org.hk com.sg edu.sg com.my com.ph com.vn co.th in.th co.id or.id com.tr org.tr ' +
    'gov.tr com.mx org.mx gob.mx com.ar gob.ar com.co com.pe com.ve com.ec com.uy com.ua co.ua com.pl ' +
    'net.pl org.pl com.pt com.gr co.at or.at co.il org.il ac.il co.za org.za gov.za co.ke co.tz com.ng ' +
    'com.eg com.sa com.pk com.bd co.ae ' +
    'github.io gitlab.io pages.dev workers.dev vercel.app netlify.app web.app firebaseapp.com ' +
    'herokuapp.com onrender.com fly.dev deno.dev appspot.com run.app azurewebsites.net ' +
    'azurestaticapps.net cloudapp.net cloudfront.net elasticbeanstalk.com amplifyapp.com ' +
    'railway.app up.railway.app glitch.me ngrok.io ngrok.app ngrok-free.app surge.sh render.com'
  ).split(' '),
);
