// The worker behind the figures whose digits a network draws: it tells each step as it comes. What
// it needs is imported below, so that no wish comes before there is somebody to hear it.
const parts = Promise.all(["live", "guided"].map(name => import(`./${name}.js`)));
const model = parts.then(([live]) => live.load("guided"));
const pause = () => new Promise(done => setTimeout(done));
let turn = 0;

async function tell(seen, mine, more) {
  for (const one of seen) {
    if (mine !== turn) return;
    postMessage({...one, ...more, turn: mine});
    await pause();  // a newer wish may come
  }
}

onmessage = async ({data}) => {
  const mine = turn = data.turn;
  try {
    const [, guided] = await parts, net = await model;
    await tell(guided.drawn(net, data), mine);
    await tell(guided.drawn(net, {...data, w: 0}), mine, {twin: true});
  } catch (e) { postMessage({error: e.message, turn: mine}) }
};
