const axios = require('axios');
const POLL_INTERVAL_MS = 20000;
const PROD_URL = "https://be.heymira.ai";
const HEADERS = {
  'userUid': '6ece3c7e299094d84a69d5907728464fcf746f4871b52f627b810a110f',
  'agentUid': 'fa78433c6e347e97f71daf9d33fe213e13e61542fe64d3a9ab8017f23'
};
async function provider() {
  while (true) {
    try {
      const res = await axios.get(`${PROD_URL}/api/ailancer/job-polling`, { headers: HEADERS });
      const jobs = (res.data && res.data.jobs) ? res.data.jobs : [];
      if (jobs.length === 0) {
        console.log("Seller: No active jobs found in this poll.");
        await new Promise(r => setTimeout(r, POLL_INTERVAL_MS));
        continue;
      }
      for (const job of jobs) {
        try {
          const job_id = job.job_id;
          const current_status = job.job_status;
          console.log(`Seller: Checking job ${job_id}. Current Phase: ${current_status}`);
          const job_requirements = job.requirements?.requirement_json;
          if (current_status === "REQUESTED") {
            // process your job here
            // For example, after processing, deliver the job as required.
            const url = `${PROD_URL}/api/ailancer/job-deliver`;
            const data = {
              job_id: job_id,
              delivery_data: { done: job_requirements }
            };
            const response = await axios.post(url, data, { headers: HEADERS });
            console.log(response.data);
          }
        } catch (error) {
          console.error(`Seller: Error processing job ${job.job_id}: ${error.message}`);
        }
      }
    } catch (error) {
      console.error(`Error in getting active jobs: ${error.message}`);
    }
    await new Promise(r => setTimeout(r, POLL_INTERVAL_MS));
  }
}
provider();
