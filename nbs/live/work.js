// The worker behind the figures whose pictures a network draws: it tells each step as it comes.
// What it needs is imported below, so that no wish comes before there is somebody to hear it.
const pause = () => new Promise(done => setTimeout(done));
let net = null, turn = 0;

onmessage = async ({data}) => {
  const mine = turn = data.turn;
  try {
    const figure = await import(`./${data.kind}.js`);
    net ??= figure.open();
    for (const seen of figure.told(await net, data)) {
      if (mine !== turn) return;
      postMessage({...seen, turn: mine});
      await pause();  // a newer wish may come
    }
  } catch (e) { postMessage({error: e.message, turn: mine}) }
};
