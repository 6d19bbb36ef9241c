namespace Gpt2Cluster.Data;
