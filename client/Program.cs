using Gpt2Cluster.Client;

return await ClientApplication.Run(args);
