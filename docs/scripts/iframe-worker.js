// Search on file://, where browsers start no workers: a hidden frame stands
// in for the worker and exchanges the same messages with the page.
if (location.protocol === 'file:') {
  window.IFrameWorker = window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      const frame = document.createElement('iframe');
      frame.hidden = true;
      document.body.appendChild(frame);
      this.inside = frame.contentWindow;
      this.inside.postMessage = data =>
        this.dispatchEvent(new MessageEvent('message', {data}));
      this.inside.importScripts = (...urls) => urls.reduce(
        (done, one) => done.then(() => this.load(one)), Promise.resolve());
      this.load(url).then(() => {
        const waiting = this.waiting;
        this.waiting = null;
        waiting.forEach(data => this.postMessage(data));
      });
    }

    load(url) {
      return new Promise((done, failed) => {
        const script = this.inside.document.createElement('script');
        script.onload = done;
        script.onerror = failed;
        script.src = url;
        this.inside.document.body.appendChild(script);
      });
    }

    postMessage(data) {
      if (this.waiting) {
        this.waiting.push(data);
      } else {
        this.inside.dispatchEvent(new MessageEvent('message', {data}));
      }
    }
  };
}
