// Workers: who holds how many partitions, how far behind each topic is, how fast it grows.
import { amount } from "/parts/shared.js";

// Kafka's words for how a group stands; of one without members it is enough that it has none.
const STATES = { Stable: "each has its share", PreparingRebalance: "sharing anew", CompletingRebalance: "sharing anew" };

export default {
  props: { group: Object },
  data: () => ({ STATES }),
  methods: { amount },
  template: `<div class="list">
    <p class="quiet group-line">group <b>{{ group.group || '–' }}</b><template v-if="group.members.length"> · {{ STATES[group.state] || group.state }}</template></p>
    <p v-if="!group.members.length" class="calm warn"><span aria-hidden="true">◆</span> No worker is in the group.</p>
    <table v-else class="figures">
      <thead><tr><th>worker</th><th>host</th><th class="n">partitions</th></tr></thead>
      <tbody><tr v-for="member in group.members" :key="member.name"><td><code>{{ member.name }}</code></td>
        <td>{{ member.host }}</td><td class="n">{{ member.partitions }}</td></tr></tbody>
    </table>
    <table v-if="group.topics.length" class="figures">
      <thead><tr><th>topic</th><th class="n">records/s</th><th class="n">lag</th></tr></thead>
      <tbody><tr v-for="topic in group.topics" :key="topic.name"><td>{{ topic.name }}</td>
        <td class="n">{{ amount(topic.per_s) }}</td><td class="n">{{ amount(topic.lag) }}</td></tr></tbody>
    </table>
  </div>`,
};
